"""evaluate: how well the ranker does on judged cases."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import repeat
from pathlib import Path
from typing import Annotated

import typer

from digestd.cli.output import emit, progress, say
from digestd.encoders import SETTING, open_encoder
from digestd.errors import BadInput
from digestd.evaluate import (
    FOLDS,
    Case,
    Estimate,
    Judgment,
    Library,
    Outcome,
    Vectors,
    ablation,
    alone,
    by_scores,
    cases,
    difference,
    encode,
    learn,
    outcome,
    read_judgments,
    read_papers,
    summary,
)
from digestd.ranking import weights
from digestd.ranking.model import fit as fit_text


def evaluate(
    papers: Annotated[
        list[Path], typer.Option(help="The papers: JSON lines as `paper import` reads them; .gz will do.")
    ],
    judgments: Annotated[list[Path], typer.Option(help="What was right for whom: JSON lines; .gz will do.")],
    archive: Annotated[Path | None, typer.Option(help="Fit the text model on these papers instead.")] = None,
    embedding_model: Annotated[
        str, typer.Option(envvar=SETTING, help="Rank with the ONNX sentence encoder in this folder as well.")
    ] = "",
    scores: Annotated[Path | None, typer.Option(help="Write every score here, one JSON object a line.")] = None,
    against: Annotated[
        str | None,
        typer.Option(help="Compare with a file of scores or of weights, or with one signal alone, by its name."),
    ] = None,
    ablate: Annotated[bool, typer.Option("--ablate", help="Print what each signal is worth.")] = False,
    fit: Annotated[Path | None, typer.Option(help="Learn the weights of the signals and write them here.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the order of papers that score alike.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the ranking on judged cases; needs no settings and no database.

    A judgment: {"user", "topics", "likes", "dislikes", "authors", "categories", "candidates", "day",
    "relevant"}; `relevant` is a list of ids or {id: gain}. Without candidates all papers are, less the likes.
    With --against and --ablate the differences are paired by user, ours less theirs. --fit learns from several
    files at once: repeat --judgments, and --papers once or once for each.

    Example: digestd evaluate --papers papers.jsonl --judgments judgments.jsonl --against trend
    """
    pairs = _pairs(papers, judgments)
    if fit is not None:
        _learn(fit, {str(judged): _cases(of, judged, archive, embedding_model) for of, judged in pairs}, as_json)
        return
    if len(pairs) > 1:
        raise BadInput("several files of judgments are for --fit; evaluate them one at a time")
    found = [replace(case, seed=seed) for case in _cases(*pairs[0], archive, embedding_model)]
    outcomes = [outcome(case) for case in found]
    if scores:
        _write(scores, outcomes)
    if against is not None:
        _print(difference(outcomes, _rival(against, found)), outcomes, as_json)
    elif ablate:
        _print_ablation(ablation(found), as_json)
    else:
        _print(summary((done.user, done.measures) for done in outcomes), outcomes, as_json)


def _pairs(papers: Sequence[Path], judgments: Sequence[Path]) -> list[tuple[Path, Path]]:
    if len(papers) not in (1, len(judgments)):
        raise BadInput(f"{len(papers)} files of papers for {len(judgments)} of judgments; give one, or one for each")
    return list(zip(papers if len(papers) > 1 else repeat(papers[0]), judgments, strict=False))


def _cases(papers: Path, judgments: Path, archive: Path | None, embedding_model: str) -> list[Case]:
    """What each signal says of every candidate, in the order of the judgments."""
    library, judged = read_papers(papers), read_judgments(judgments)
    known = read_papers(archive) if archive else library
    _warn(library, judged)
    dense = _encoded(library, known, embedding_model)
    with progress("judgments", len(judged)) as advance:
        found = cases(library, judged, fit_text(paper.text for paper in known.values()), advance, dense)
        return sorted(found, key=lambda case: case.n)


def _encoded(library: Library, archive: Library, folder: str) -> Vectors:
    encoder = open_encoder(folder)
    with progress("papers encoded", len({*library, *archive})) as advance:
        return encode(library, archive, encoder, advance)


def _rival(given: str, found: Sequence[Case]) -> list[Outcome]:
    """The cases as another ranker has them: a file, or a signal by its name."""
    path = Path(given)
    if not path.is_file():
        return [outcome(case, alone(given)) for case in found]
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read {path}: {error}") from error
    if '"signals"' in text[:1000]:
        return [outcome(case, _weights(path, text)) for case in found]
    return by_scores(found, _scores(path, text))


def _weights(path: Path, text: str) -> weights.Weights:
    try:
        return weights.parse(text)
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error


def _scores(path: Path, text: str) -> dict[int, dict[str, float]]:
    table: dict[int, dict[str, float]] = defaultdict(dict)
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            row = json.loads(line)
            table[int(row["n"])][str(row["id"])] = float(row["score"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f'{path}, line {number}: must be {{"user", "n", "id", "score"}}') from error
    return table


def _learn(path: Path, sets: Mapping[str, Sequence[Case]], as_json: bool) -> None:
    """Learn, write, and print what the new weights would have been worth to users they did not see."""
    with progress("fits", FOLDS + 1) as advance:
        found = learn(sets, advance=advance)
    try:
        path.write_text(weights.dumps(found.weights), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error
    rows = [{"judgments": name, "before": found.before[name], "unseen": found.unseen[name]} for name in sets]
    emit(rows, as_json)


def _print(found: Mapping[str, Estimate], outcomes: Iterable[Outcome], as_json: bool) -> None:
    users = len({done.user for done in outcomes})
    if as_json:
        emit({**{name: asdict(estimate) for name, estimate in found.items()}, "users": users}, as_json)
        return
    emit({"measure": name, **asdict(estimate), "users": users} for name, estimate in found.items())


def _print_ablation(found: Mapping[str, Mapping[str, Estimate]], as_json: bool) -> None:
    if as_json:
        emit({signal: {name: asdict(e) for name, e in worth.items()} for signal, worth in found.items()}, as_json)
        return
    emit(_lines(found))


def _lines(found: Mapping[str, Mapping[str, Estimate]]) -> Iterator[dict[str, object]]:
    for signal, worth in found.items():
        for name, estimate in worth.items():
            yield {"signal": signal, "measure": name, **asdict(estimate)}


def _warn(library: Library, judgments: list[Judgment]) -> None:
    """Say what in the files does not fit together: it lowers the result or the number of cases."""
    unknown = {name for judgment in judgments for name in judgment.relevant if name not in library}
    if unknown:
        say(f"{len(unknown)} relevant papers are not among the papers and count as missed, e.g. {min(unknown)}")
    strange = {name for judgment in judgments for name in judgment.seeds if name not in library}
    if strange:
        say(f"{len(strange)} liked or disliked papers are not among the papers and tell nothing, e.g. {min(strange)}")
    empty = sum(not judgment.relevant for judgment in judgments)
    if empty:
        say(f"{empty} judgments have nothing relevant and are left out")


def _write(path: Path, outcomes: Iterable[Outcome]) -> None:
    try:
        with path.open("w", encoding="utf-8") as out:
            for done in outcomes:
                for name, value in done.scores.items():
                    row = {"user": done.user, "n": done.n, "id": name, "score": value}
                    out.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error
