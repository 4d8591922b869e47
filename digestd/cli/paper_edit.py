"""paper: import, merge, split, summarise."""

from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json, PaperName
from digestd.cli.output import emit, emit_import_report
from digestd.cli.paper import paper_row
from digestd.cli.progress import progress
from digestd.domain.paper import paper_id
from digestd.errors import BadInput
from digestd.papers.deduplication import merge_papers, split_paper
from digestd.papers.gist_writing import write_gists
from digestd.papers.paper_import import import_papers
from digestd.sources.jsonl import LINE_MAX
from digestd.text.inputs import NUMBER_MAX


def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A JSONL file: one object per line.")],
    archive: Annotated[
        bool, typer.Option("--archive", help="Mark as already announced: they train the ranking and are never mailed.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Import all lines or none.")] = False,
    as_json: Json = False,
) -> None:
    """Import papers from a JSONL file.

    A known id is updated. Valid lines are imported, invalid ones are reported, and the exit code is 1 if there are any.

    Keys: title (required), id, abstract, authors, categories, published, url, doi, signals, links,
    venue, affiliations, summary.

    Example: digestd paper import papers.jsonl --archive
    """
    built = wiring.connect()
    try:
        with file.open("rb") as lines, progress("papers", file.stat().st_size) as advance:
            done = import_papers(built.db, _advancing(lines, advance), built.clock(), archive, strict)
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}") from error
    counts = {name: getattr(done, name) for name in ("added", "updated", "unchanged")} | {"refused": len(done.refused)}
    emit_import_report(counts, map(astuple, done.refused), as_json)


def summarise(
    limit: Annotated[int, typer.Option(min=1, max=NUMBER_MAX, help="Ask about at most this many papers.")] = 20,
    as_json: Json = False,
) -> None:
    """Summarise new papers with the language model now, ahead of the service.

    It is the model of DIGESTD_LLM_URL. Summaries that do not keep to the abstract are dropped.

    Example: digestd paper summarise --limit 3
    """
    built = wiring.build()
    writer = built.gist_writer
    if writer is None:
        raise BadInput("DIGESTD_LLM_URL: is empty; set it to the API of a language model, as .env.example explains")
    report = write_gists(built.db, writer, built.clock, most=limit)
    emit({"written": report.written, "dropped": report.refused}, as_json)


def merge_two(
    one: PaperName,
    other: Annotated[str, typer.Argument(metavar="PAPER", help="The paper that is the same work.")],
    as_json: Json = False,
) -> None:
    """Merge two papers that are the same work.

    Subscribers who received either of them will not receive it again. `paper split` undoes it.

    Example: digestd paper merge 2401.00001 doi:10.5555/12345678
    """
    built = wiring.connect()
    emit(paper_row(merge_papers(built.db, paper_id(one), paper_id(other), built.clock())), as_json)


def split_one(
    name: PaperName,
    number: Annotated[
        int | None,
        typer.Option(
            "--merging", max=NUMBER_MAX, help="The merge to undo, as `paper show` numbers it. Default: the last."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Split a paper that was merged from different works.

    The two are never merged again automatically. Subscribers who received the merged paper will receive neither again.

    Example: digestd paper split 2401.00001 --merging 17
    """
    built = wiring.connect()
    emit([paper_row(paper) for paper in split_paper(built.db, paper_id(name), built.clock(), number)], as_json)


def _advancing(lines: BinaryIO, advance: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the lines; of a line that is too long only the part that shows it."""
    while line := lines.readline(LINE_MAX + 1):
        advance(len(line))
        yield line
        while len(line) > LINE_MAX and not line.endswith(b"\n"):
            line = lines.readline(LINE_MAX + 1)
            advance(len(line))
