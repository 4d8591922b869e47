"""paper: import papers from a file, list them, show one, make one of two and two of one."""

from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from digestd import app as wiring
from digestd.cli.imported import report
from digestd.cli.moments import moment
from digestd.cli.numbers import Newest
from digestd.cli.output import emit, progress
from digestd.domain.paper import Paper, paper_id
from digestd.domain.typed import NUMBER_MAX
from digestd.errors import BadInput, NotFound
from digestd.ingest import import_papers, merge_papers, split_paper
from digestd.sources.jsonl import LINE_MAX
from digestd.store import merges, papers

app = typer.Typer(name="paper", help="Import papers, list them, show one, merge and split them.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="One JSON object a line; `title` is required.")],
    archive: Annotated[
        bool, typer.Option("--archive", help="As already announced: they train the text model, nothing else.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="All lines or none.")] = False,
    as_json: Json = False,
) -> None:
    """Import papers; the same id again updates. Exits 1 if a line was refused.

    Keys: title, id, abstract, authors, categories, published, url, doi, signals, links.

    Example: digestd paper import papers.jsonl --archive
    """
    built = wiring.build()
    try:
        with file.open("rb") as lines, progress("papers", file.stat().st_size) as advance:
            done = import_papers(built.db, _followed(lines, advance), built.clock(), archive, strict)
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}") from error
    counts = {name: getattr(done, name) for name in ("added", "updated", "unchanged")} | {"refused": len(done.refused)}
    report(counts, map(astuple, done.refused), as_json)


@app.command("list")
def list_papers(
    since: Annotated[str, typer.Option(help="Only those first seen since this time (ISO 8601).")] = "",
    limit: Newest = 50,
    as_json: Json = False,
) -> None:
    """List papers, those first seen last at the top.

    Example: digestd paper list --since 2026-11-24 --json
    """
    built = wiring.build()
    with built.db.read() as session:
        found = papers.listing(session, limit, moment(since) if since else None)
    rows = [shown(paper) for paper in found]
    columns = ("id", "title", "archived", "signals")
    days = [{"published": paper.published.date()} for paper in found]
    table = [{name: row[name] for name in columns} | day for row, day in zip(rows, days, strict=True)]
    emit(rows if as_json else table, as_json)


@app.command("show")
def show_paper(
    name: Annotated[str, typer.Argument(metavar="ID", help="An arXiv id, a DOI, or scheme:value.")],
    as_json: Json = False,
) -> None:
    """Show one paper with all that is known of it.

    Example: digestd paper show 2401.00001
    """
    built = wiring.build()
    with built.db.read() as session:
        found = papers.find(session, paper_id(name))
        mergings = [] if found is None else merges.of_paper(session, found.key)
        known_as = [] if found is None else papers.names(session, found.key)
    if found is None:
        raise NotFound(f"there is no paper {name}; `digestd paper list` shows what there is")
    kept = {"authors": list(found.words.authors), "withdrawn": found.withdrawn, "ids": known_as}
    more = {"abstract": found.plain_abstract, "mergings": [_merging(one) for one in mergings]}
    emit({**shown(found), **kept, **more}, as_json)


@app.command("merge")
def merge(
    one: Annotated[str, typer.Argument(metavar="ID", help="An arXiv id, a DOI, or scheme:value.")],
    other: Annotated[str, typer.Argument(metavar="ID", help="The paper that is the same work.")],
    as_json: Json = False,
) -> None:
    """Make one paper of two that are the same work. `paper split` undoes it.

    Whoever has had either has had it.

    Example: digestd paper merge 2401.00001 doi:10.5555/12345678
    """
    built = wiring.build()
    emit(shown(merge_papers(built.db, paper_id(one), paper_id(other), built.clock())), as_json)


@app.command("split")
def split(
    name: Annotated[str, typer.Argument(metavar="ID", help="An arXiv id, a DOI, or scheme:value.")],
    number: Annotated[
        int | None,
        typer.Option("--merging", max=NUMBER_MAX, help="Undo this one (`paper show` numbers them), not the last."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make two papers of one that was merged of different works; they are never joined again by themselves.

    Whoever has had the merged paper has had both.

    Example: digestd paper split 2401.00001 --merging 17
    """
    built = wiring.build()
    emit([shown(paper) for paper in split_paper(built.db, paper_id(name), built.clock(), number)], as_json)


def shown(paper: Paper) -> dict[str, object]:
    """One paper as a row."""
    return {
        "id": paper.id,
        "title": paper.plain_title,
        "categories": list(paper.words.categories),
        "published": paper.published,
        "first_seen": paper.first_seen,
        "url": paper.url,
        "links": dict(paper.links),
        "signals": dict(paper.signals),
        "archived": paper.archived,
    }


def _merging(one: merges.Merge) -> dict[str, object]:
    return {"merging": one.number, "by": one.by, "evidence": one.evidence, "at": one.at, "undone": one.undone}


def _followed(lines: BinaryIO, advance: Callable[[int], None]) -> Iterator[bytes]:
    """One line after the other, and of one without an end only so much as shows that it is too long."""
    while line := lines.readline(LINE_MAX + 1):
        advance(len(line))
        yield line
        while len(line) > LINE_MAX and not line.endswith(b"\n"):
            line = lines.readline(LINE_MAX + 1)
            advance(len(line))
