"""Fit the chance that a paper is about a topic to whole days that were labelled by reading.

Logistic regression on the features of `ranking.subjects`. A reader's topics are alternatives: a wanted
paper counts for the query that fits it best by the last fit (multiple-instance learning), an unwanted one against all.
Readers who want much weigh less per paper, so that broad fields do not decide.

Half of the readers and days are held out to measure; what is written is fitted to all.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from digestd.domain.paper import Paper
from digestd.domain.subscriber import MinScore
from digestd.evaluation.judgments import read_papers
from digestd.ranking.arrays import Doubles, Floats
from digestd.ranking.calibration import MIN_SCORES
from digestd.ranking.candidates import build_candidates
from digestd.ranking.dense import CachedEncoder, Encoder, build_embedding_space
from digestd.ranking.model import fit as fit_text
from digestd.ranking.subjects import FEATURES, MEANING, Coefficients
from digestd.ranking.topics import as_queries, compile_topics

LABELS = Path(__file__).parents[1] / "evaluation" / "days"
WANTED, PARTLY_WANTED = 2, 1
PARTLY = 0.4
"""How much of a wanted paper one is that is partly wanted."""
ROUNDS = 3
SIZE = 20


@dataclass(frozen=True, slots=True, eq=False)
class ReaderDay:
    """A day for a reader: values (q, m, f) of the features for each query and paper, and grades (m,)."""

    reader: str
    day: str
    values: Floats
    grades: Floats


@dataclass(frozen=True, slots=True)
class Measures:
    """Of the picks of all readers and days: how many, the share that is right, and right or partly; the recall."""

    picks: int
    right: float
    partly: float
    recall: float


def read_days(folder: Path, encoder: Encoder) -> Iterator[ReaderDay]:
    """Yield each labelled day of each reader with topics, from a folder of whole arXiv days (YYYY-MM-DD.jsonl.gz)."""
    topics = _topics()
    archive: dict[str, Paper] = {}
    vectors: dict[str, Floats] = {}
    for file in sorted(folder.glob("*.jsonl.gz")):
        found, name = read_papers(file), file.name.partition(".")[0]
        vectors.update(zip(found, encoder.encode([paper.text for paper in found.values()]), strict=True))
        labels = LABELS / f"{name}.json"
        if labels.exists():
            yield from _of_day(name, (archive, found), vectors, encoder, topics)
        archive |= found


def fit(days: Sequence[ReaderDay], dense: bool = True) -> Coefficients:
    """Return the coefficients fitted to days; those of meaning are 0 without a dense model."""
    used = np.array([dense or name not in MEANING for name in FEATURES])
    every = np.concatenate([day.values[..., used].reshape(-1, used.sum()) for day in days]).astype(np.float64)
    mean, scale = every.mean(axis=0), every.std(axis=0) + 1e-9
    fitted = np.zeros(1 + used.sum())
    for n in range(ROUNDS):
        rows = [_rows(day, (day.values[..., used] - mean) / scale, fitted if n else None) for day in days]
        values, share, weight = (np.concatenate(each) for each in zip(*rows, strict=True))
        fitted = minimize(_loss, fitted, (values, share, weight), method="L-BFGS-B", jac=True).x
    weights = np.zeros(len(FEATURES))
    weights[used] = fitted[1:] / scale
    bias = fitted[0] - (fitted[1:] * mean / scale).sum()
    return Coefficients(round(float(bias), 2), tuple(round(float(weight), 2) for weight in weights))


def measure(
    days: Sequence[ReaderDay], coefficients: Coefficients, chance: float = MIN_SCORES[MinScore.NORMAL]
) -> Measures:
    """Return what digests of up to SIZE papers with at least this chance are worth."""
    found, wanted = [], 0
    for day in days:
        log_odds = (day.values @ np.array(coefficients.weights) + coefficients.bias).max(axis=0)
        best = np.argsort(-log_odds, kind="stable")[:SIZE]
        found.append(day.grades[best[log_odds[best] >= np.log(chance / (1 - chance))]])
        wanted += min(SIZE, int((day.grades == WANTED).sum()))
    grades = np.concatenate(found)
    right, size = int((grades == WANTED).sum()), max(1, len(grades))
    return Measures(len(grades), right / size, int((grades > 0).sum()) / size, right / max(1, wanted))


def halves(days: Sequence[ReaderDay]) -> tuple[list[ReaderDay], list[ReaderDay]]:
    """Return the days to develop on, and those of readers and dates that share neither with them."""
    dates = sorted({day.day for day in days})
    is_held = {(day.reader, day.day): (int(day.reader[1:]) % 2 == 0, dates.index(day.day) % 2 == 0) for day in days}
    return (
        [day for day in days if is_held[day.reader, day.day] == (False, False)],
        [day for day in days if is_held[day.reader, day.day] == (True, True)],
    )


def without(days: Sequence[ReaderDay], feature: str) -> list[ReaderDay]:
    """Return the days without what one feature says."""
    place = FEATURES.index(feature)
    values = [day.values.copy() for day in days]
    for each in values:
        each[..., place] = 0
    return [ReaderDay(day.reader, day.day, each, day.grades) for day, each in zip(days, values, strict=True)]


def dumps(dense: Coefficients, sparse: Coefficients) -> str:
    rows = {
        name: {"bias": each.bias} | {f: w for f, w in zip(FEATURES, each.weights, strict=True) if w}
        for name, each in (("dense", dense), ("sparse", sparse))
    }
    return json.dumps(rows, indent=2) + "\n"


def _topics() -> Mapping[str, Sequence[str]]:
    with (LABELS / "readers.jsonl").open(encoding="utf-8") as lines:
        readers = [json.loads(line) for line in lines]
    return {reader["email"].partition("@")[0]: reader.get("topics", []) for reader in readers}


def _of_day(
    name: str,
    papers: tuple[Mapping[str, Paper], Mapping[str, Paper]],
    vectors: Mapping[str, Floats],
    encoder: Encoder,
    topics: Mapping[str, Sequence[str]],
) -> Iterator[ReaderDay]:
    archive, today = papers
    model = fit_text(paper.text for known in papers for paper in known.values())
    cached = CachedEncoder(encoder)
    newest_first = [*today, *reversed(list(archive))]
    space = build_embedding_space(cached, np.array([vectors[paper] for paper in newest_first], dtype=np.float32))
    noon = datetime.combine(date.fromisoformat(name), datetime.min.time(), UTC)
    rows = np.array([vectors[paper] for paper in today], dtype=np.float32)
    index = build_candidates(list(today.values()), model, noon, space=space, vectors=rows).subjects
    places = {paper.removeprefix("arxiv:"): j for j, paper in enumerate(today)}
    for reader, wanted in json.loads((LABELS / f"{name}.json").read_text(encoding="utf-8")).items():
        compiled = compile_topics(topics[reader], model, space)
        queries = as_queries([query for own in compiled.values() for query in own], model)
        if not queries.names:
            continue
        grades = np.zeros(len(today), dtype=np.float32)
        for paper, grade in wanted.items():
            grades[places[paper]] = grade
        features = index.features(queries)
        yield ReaderDay(reader, name, np.stack(list(features), axis=-1), grades)


def _rows(day: ReaderDay, values: Doubles, fitted: Doubles | None) -> tuple[Doubles, Doubles, Doubles]:
    """Return the pairs of queries and papers that a day teaches: values, how much they are wanted, and weights."""
    scores = values.sum(axis=-1) if fitted is None else values @ fitted[1:]
    counts = (day.grades == 0) | (scores.argmax(axis=0) == np.arange(len(values))[:, None])
    share = np.select([day.grades == WANTED, day.grades == PARTLY_WANTED], [1.0, PARTLY])
    weight = 1 / np.sqrt(1 + (day.grades == WANTED).sum())
    return values[counts], np.broadcast_to(share, counts.shape)[counts], np.full(counts.sum(), weight)


def _loss(fitted: Doubles, values: Doubles, share: Doubles, weight: Doubles) -> tuple[float, Doubles]:
    """Return the weighted log loss with a normal prior on the weights, and its gradient."""
    log_odds = fitted[0] + values @ fitted[1:]
    loss = weight @ (np.logaddexp(0, log_odds) - share * log_odds) + fitted[1:] @ fitted[1:] / 2
    off = weight * (1 / (1 + np.exp(-log_odds)) - share)
    return float(loss), np.concatenate([[off.sum()], values.T @ off + fitted[1:]])
