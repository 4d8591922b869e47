"""evaluate: measure the ranking on judgments."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from digestd import files
from digestd.cli.arguments import Json, between, read_text_file
from digestd.cli.output import emit, progress
from digestd.cli.stdio import say
from digestd.errors import BadInput
from digestd.evaluation.calibration_error import case_calibration_error
from digestd.evaluation.compare import ablation, difference, results_from_scores, single_signal
from digestd.evaluation.dense import Vectors, encode_library
from digestd.evaluation.judgments import NO_LIKES, Judgment, Library, read_community, read_judgments, read_papers
from digestd.evaluation.metrics import Estimate, summary
from digestd.evaluation.scoring import Case, CaseResult, evaluate_case, judged_cases
from digestd.ranking import fusion
from digestd.ranking.encoders import SETTING, open_encoder
from digestd.ranking.model import fit as fit_text


def evaluate(
    papers: Annotated[Path, typer.Option(help="A JSONL file of papers, as `paper import` reads it; may be .gz.")],
    judgments: Annotated[Path, typer.Option(help="A JSONL file of judgments; may be .gz.")],
    archive: Annotated[Path | None, typer.Option(help="Fit the text model on these papers instead.")] = None,
    community: Annotated[
        Path | None, typer.Option(help="A JSONL file of likes of other users, which rank too; may be .gz.")
    ] = None,
    embedding_model: Annotated[
        str,
        typer.Option(
            envvar=SETTING,
            help="Rank with the sentence encoder in this folder; empty for the built-in one, none to rank without.",
        ),
    ] = "",
    scores: Annotated[Path | None, typer.Option(help="Write every score to this JSONL file.")] = None,
    against: Annotated[
        str | None,
        typer.Option(help="Compare with a file of scores or weights, or with one signal by its name."),
    ] = None,
    ablate: Annotated[bool, typer.Option("--ablate", help="Print what each signal contributes.")] = False,
    seed: Annotated[
        int, typer.Option(callback=between(0, 2**32 - 1), help="The seed that orders papers with equal scores.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Measure the ranking on judgments.

    Judgments need no settings and no database. A judgment is {"user", "topics", "likes", "dislikes", "authors",
    "categories", "candidates", "day", "relevant"}; `relevant` is a list of ids or {id: gain}. Without candidates, all
    papers except the likes are candidates. --against and --ablate print differences paired by user, ours minus theirs.

    --community adds what others liked: {"user", "likes", "at"}. A like counts for other users' judgments on later days;
    without `at`, or without `day`, always.

    Example: digestd evaluate --papers papers.jsonl --judgments judgments.jsonl --against trend
    """
    cases = read_cases(papers, judgments, archive, community, embedding_model)
    found = [replace(case, seed=seed) for case in cases]
    if scores:
        _write_scores(scores, map(evaluate_case, found))
    if ablate:
        _print_ablation(ablation(found), as_json)
    else:
        _compare(found, against, as_json)


def _compare(found: Sequence[Case], against: str | None, as_json: bool) -> None:
    """Print the measures, or the differences from another ranking."""
    ours = [evaluate_case(case) for case in found]
    if against is None:
        measured = summary((done.user, done.measures) for done in ours)
        _print({**measured, "ece": case_calibration_error(found)}, ours, as_json)
        return
    theirs = _other_results(against, found)
    if not as_json:
        say(f"differences: ours minus {against}")
    _print(difference(ours, theirs), ours, as_json)


def read_cases(
    papers: Path, judgments: Path, archive: Path | None, community: Path | None, embedding_model: str
) -> list[Case]:
    """Return the signals of every candidate of each judgment, in the order of the judgments."""
    library, judged = read_papers(papers), read_judgments(judgments)
    known = read_papers(archive) if archive else library
    others = read_community(community, library) if community else NO_LIKES
    _warn(library, judged)
    dense, model = _encoded(library, known, embedding_model), fit_text(paper.text for paper in known.values())
    with progress("judgments", len(judged)) as advance:
        found = judged_cases(library, judged, model, advance, dense, others)
        return sorted(found, key=lambda case: case.n)


def _encoded(library: Library, archive: Library, folder: str) -> Vectors:
    encoder = open_encoder(folder)
    with progress("papers encoded", len({*library, *archive})) as advance:
        return encode_library(library, archive, encoder, advance)


def _print(found: Mapping[str, Estimate], outcomes: Iterable[CaseResult], as_json: bool) -> None:
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
    """Warn about files that do not fit together.

    They lower the result or the number of cases.
    """
    unknown = {name for judgment in judgments for name in judgment.relevant if name not in library}
    if unknown:
        say(f"warning: {len(unknown)} relevant papers are not in --papers and count as missed, e.g. {min(unknown)}")
    strange = {name for judgment in judgments for name in judgment.seeds if name not in library}
    if strange:
        say(
            f"warning: {len(strange)} liked or disliked papers are not in --papers and are ignored, e.g. {min(strange)}"
        )
    empty = sum(not judgment.relevant for judgment in judgments)
    if empty:
        say(f"warning: {empty} judgments without relevant papers are ignored")


def _other_results(given: str, found: Sequence[Case]) -> list[CaseResult]:
    """Rank the cases by a signal, or by a file of weights or scores."""
    path = Path(given)
    if not path.is_file():
        return [evaluate_case(case, single_signal(given)) for case in found]
    text = read_text_file(path)
    if '"signals"' in text[:1000]:
        return [evaluate_case(case, _read_weights(path, text)) for case in found]
    return results_from_scores(found, _read_scores(path, text))


def _write_scores(path: Path, outcomes: Iterable[CaseResult]) -> None:
    """Write every score as JSONL, as `--against` reads it."""
    try:
        with path.open("w", encoding="utf-8") as out:
            for done in outcomes:
                for name, value in done.scores.items():
                    row = {"user": done.user, "n": done.n, "id": name, "score": value}
                    out.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise BadInput(f"--scores: cannot write {files.explain(error, path)}") from error


def _read_weights(path: Path, text: str) -> fusion.Weights:
    try:
        return fusion.parse_weights(text)
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error


def _read_scores(path: Path, text: str) -> dict[int, dict[str, float]]:
    table: dict[int, dict[str, float]] = defaultdict(dict)
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            row = json.loads(line)
            table[int(row["n"])][str(row["id"])] = float(row["score"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f'{path}, line {number}: must be {{"user", "n", "id", "score"}}') from error
    return table
