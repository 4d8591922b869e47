"""evaluate: how well the ranker does on judged cases."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from digestd.cli.output import emit, progress, say
from digestd.encoders import SETTING, open_encoder
from digestd.errors import BadInput
from digestd.evaluate import Judgment, Library, Outcome, Vectors, encode, read_judgments, read_papers, summary
from digestd.evaluate import evaluate as run
from digestd.ranking.model import fit


def evaluate(
    papers: Annotated[Path, typer.Option(help="The papers: JSON lines as `paper import` reads them; .gz will do.")],
    judgments: Annotated[Path, typer.Option(help="What was right for whom: JSON lines; .gz will do.")],
    archive: Annotated[Path | None, typer.Option(help="Fit the text model on these papers instead.")] = None,
    embedding_model: Annotated[
        str, typer.Option(envvar=SETTING, help="Rank with the ONNX sentence encoder in this folder as well.")
    ] = "",
    scores: Annotated[Path | None, typer.Option(help="Write every score here, one JSON object a line.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the ranking on judged cases; needs no settings and no database.

    A judgment: {"user", "topics", "likes", "dislikes", "authors", "categories", "candidates", "day",
    "relevant"}; `relevant` is a list of ids or {id: gain}. Without candidates all papers are, less the likes.

    Example: digestd evaluate --papers papers.jsonl --judgments judgments.jsonl --json
    """
    library, judged = read_papers(papers), read_judgments(judgments)
    known = read_papers(archive) if archive else library
    _warn(library, judged)
    dense = _encoded(library, known, embedding_model)
    with progress("judgments", len(judged)) as advance:
        outcomes = run(library, judged, fit(paper.text for paper in known.values()), advance, dense)
    if scores:
        _write(scores, outcomes)
    _print(outcomes, as_json)


def _encoded(library: Library, archive: Library, folder: str) -> Vectors:
    encoder = open_encoder(folder)
    with progress("papers encoded", len({*library, *archive})) as advance:
        return encode(library, archive, encoder, advance)


def _print(outcomes: Iterable[Outcome], as_json: bool) -> None:
    rows = [(outcome.user, outcome.measures) for outcome in outcomes]
    found, users = summary(rows), len({user for user, _ in rows})
    if as_json:
        emit({**{name: asdict(estimate) for name, estimate in found.items()}, "users": users}, as_json)
        return
    emit({"measure": name, **asdict(estimate), "users": users} for name, estimate in found.items())


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
            for outcome in outcomes:
                for name, value in outcome.scores.items():
                    row = {"user": outcome.user, "n": outcome.n, "id": name, "score": value}
                    out.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error
