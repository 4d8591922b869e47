"""Fit the chance that a paper is about a wish to papers that were read for it (`tests/evaluation/topics`).

Logistic regression on the features of `ranking.subjects`. The parts of a list are alternatives: a wanted paper counts
for the part that fits it best by the last fit (multiple-instance learning), an unwanted one against all. Wishes of
which much is wanted weigh less per paper, so that broad fields do not decide. A paper that nothing found near enough to
be read counts as unwanted, at UNREAD of the weight.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from scipy.optimize import minimize

from digestd.domain.paper import Paper, PaperId, Words
from digestd.domain.subscriber import MinScore
from digestd.ranking.arrays import Bools, Doubles, Floats
from digestd.ranking.calibration import MIN_SCORES
from digestd.ranking.candidates import build_candidates
from digestd.ranking.dense import CachedEncoder, Encoder, build_embedding_space
from digestd.ranking.model import fit as fit_text
from digestd.ranking.subjects import FEATURES, MEANING, TITLED_LOG_ODDS, Coefficients
from digestd.ranking.topics import as_queries, compile_topics
from tests.fitting.labels import PARTLY, WANTED, Reading, Text

SHARES = {WANTED: 1.0, PARTLY: 0.4, 0: 0.0}
"""How much of a wanted paper one is, by its grade."""
UNREAD = 0.3
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ROUNDS = 3
SIZE, FOLDS = 20, 5
PRIOR = 0.01
"""Precision of the prior on the weights."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A wish in one wording on a day: values (q, m, f) of the features, grades (m,), and which were read (m,)."""

    reading: Reading
    language: str
    place: int
    values: Floats
    grades: Floats
    is_read: Bools


@dataclass(frozen=True, slots=True)
class Measures:
    """Of all picks: how many, the share that is right, and right or partly; the recall; the digests wrongly empty."""

    picks: int
    right: float
    partly: float
    recall: float
    empty: int


def read(
    readings: Sequence[Reading], texts: Mapping[str, Mapping[str, Text]], encoder: Encoder, wordings: int = 99
) -> Iterator[Asked]:
    """Yield each wording, up to so many of each language, of what was read, with the features of the day's papers."""
    model = fit_text(text.both for day in texts.values() for text in day.values())
    cached = CachedEncoder(encoder)
    vectors_of = {day: encoder.encode([text.both for text in papers.values()]) for day, papers in texts.items()}
    archive = np.concatenate(list(vectors_of.values()))
    for day in sorted({reading.day for reading in readings if reading.wordings}):
        papers = [_paper(key, name, text) for key, (name, text) in enumerate(texts[day].items())]
        vectors = vectors_of[day]
        space = build_embedding_space(cached, archive)
        index = build_candidates(papers, model, NOON, space=space, vectors=vectors).subjects
        for reading in readings:
            if reading.day != day:
                continue
            grades = np.array([reading.grades.get(name, 0) for name in texts[day]], dtype=np.float32)
            is_read = np.array([reading.is_whole or name in reading.grades for name in texts[day]])
            for language, typed in reading.wordings.items():
                for place, text in enumerate(typed[:wordings]):
                    compiled = compile_topics([text], model, space)
                    queries = as_queries([query for own in compiled.values() for query in own], model, space.dims)
                    if len(queries):
                        values = np.stack(list(index.features(queries)), axis=-1)
                        yield Asked(reading, language, place, values, grades, is_read)


def _paper(key: int, name: str, text: Text) -> Paper:
    words = Words(text.title, text.abstract, (), text.categories)
    return Paper(key, PaperId(f"arxiv:{name}"), key, words, text.title, text.abstract, NOON, NOON)


def fit(asked: Sequence[Asked], dense: bool = True) -> Coefficients:
    """Return the coefficients fitted, never negative; those of meaning are 0 without a dense model."""
    used = np.array([dense or name not in MEANING for name in FEATURES])
    fitted = np.append(-5.0, np.ones(used.sum()))
    limits = [(None, None), *[(0, None)] * int(used.sum())]
    for _ in range(ROUNDS):
        rows = [_rows(one, one.values[..., used].astype(np.float64), fitted) for one in asked]
        pairs = tuple(np.concatenate(each) for each in zip(*rows, strict=True))
        fitted = minimize(_loss, fitted, pairs, method="L-BFGS-B", jac=True, bounds=limits).x
    weights = np.zeros(len(FEATURES))
    weights[used] = fitted[1:]
    return Coefficients(round(float(fitted[0]), 2), tuple(round(float(weight), 2) for weight in weights))


def log_odds(one: Asked, coefficients: Coefficients) -> Floats:
    """Return the log odds (m,) of a wish by its features."""
    found = one.values @ np.array(coefficients.weights) + coefficients.bias
    is_titled = one.values[..., FEATURES.index("titled")] == 1
    best: Floats = np.where(is_titled, np.maximum(found, TITLED_LOG_ODDS), found).max(axis=0)
    return best


def measure(asked: Sequence[Asked], scores: Sequence[Floats], chance: float = MIN_SCORES[MinScore.NORMAL]) -> Measures:
    """Return what digests of up to SIZE papers of those read with at least this chance are worth.

    Args:
        scores: the log odds (m,) for each of those asked.
    """
    found, wanted, empty = [np.zeros(0)], 0, 0
    for one, score in zip(asked, scores, strict=True):
        own = np.where(one.is_read, score, -np.inf)
        best = np.argsort(-own, kind="stable")[:SIZE]
        picked = one.grades[best[own[best] >= np.log(chance / (1 - chance))]]
        found.append(picked)
        wanted += min(SIZE, int((one.grades == WANTED).sum()))
        empty += not len(picked) and bool((one.grades == WANTED).any())
    grades = np.concatenate(found)
    right, partly, size = int((grades == WANTED).sum()), int((grades > 0).sum()), max(1, len(grades))
    return Measures(
        len(grades), round(right / size, 3), round(partly / size, 3), round(right / max(1, wanted), 3), empty
    )


def cross_validate(asked: Sequence[Asked], others: Sequence[Asked]) -> list[Floats]:
    """Return the log odds of each fold of wishes by what was fitted to the other folds and to others."""
    names = sorted({one.reading.wish for one in asked})
    fold = {name: number % FOLDS for number, name in enumerate(np.random.default_rng(0).permutation(names).tolist())}
    fitted = [fit([*(one for one in asked if fold[one.reading.wish] != own), *others]) for own in range(FOLDS)]
    return [log_odds(one, fitted[fold[one.reading.wish]]) for one in asked]


def groups(asked: Sequence[Asked]) -> Mapping[str, Sequence[Asked]]:
    """Return the same by language and kind of wish, and how it is worded."""
    found: dict[str, list[Asked]] = {}
    for one in asked:
        name = "foreign" if one.language != "en" else "first wording" if not one.place else "other wording"
        for group in ("all", name, f"{name}, {one.reading.kind}", *(["whole"] if one.reading.is_whole else [])):
            found.setdefault(group, []).append(one)
    return dict(sorted(found.items()))


def without(asked: Sequence[Asked], feature: str) -> list[Asked]:
    """Return the same without what one feature says."""
    values = [one.values.copy() for one in asked]
    for each in values:
        each[..., [name == feature for name in FEATURES]] = 0
    return [replace(one, values=each) for one, each in zip(asked, values, strict=True)]


def dumps(dense: Coefficients, sparse: Coefficients) -> str:
    rows = {
        name: {"bias": each.bias} | {f: w for f, w in zip(FEATURES, each.weights, strict=True) if w}
        for name, each in (("dense", dense), ("sparse", sparse))
    }
    return json.dumps(rows, indent=2) + "\n"


def _rows(one: Asked, values: Doubles, fitted: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Return the pairs of queries and papers that a reading teaches: values, how much they are wanted, and weights."""
    best = (values @ fitted[1:]).argmax(axis=0) == np.arange(len(values))[:, None]
    counts = (one.grades == 0) | best
    share = np.select([one.grades == grade for grade in SHARES], list(SHARES.values()))
    weight = np.where(one.is_read, 1, UNREAD) / np.sqrt(1 + (one.grades == WANTED).sum())
    return values[counts], *(np.broadcast_to(each, counts.shape)[counts] for each in (share, weight))


def _loss(fitted: Doubles, values: Doubles, share: Doubles, weight: Doubles) -> tuple[float, Doubles]:
    """Return the weighted log loss with a normal prior on the weights, and its gradient."""
    log_odds = fitted[0] + values @ fitted[1:]
    loss = weight @ (np.logaddexp(0, log_odds) - share * log_odds) + PRIOR * fitted[1:] @ fitted[1:] / 2
    off = weight * (1 / (1 + np.exp(-log_odds)) - share)
    return float(loss), np.concatenate([[off.sum()], values.T @ off + PRIOR * fitted[1:]])
