"""paper: list, show, import, merge, split, summarise."""

import re
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from sqlmodel import Session

from digestd import app as wiring
from digestd import files
from digestd.app import App
from digestd.cli.arguments import Json, Limit, PaperName, check_number, parse_datetime
from digestd.cli.output import emit, emit_import_report, progress
from digestd.domain.paper import Paper, paper_id
from digestd.errors import BadInput, NotFound
from digestd.store import papers
from digestd.store.papers import merges


def list_papers(
    since: Annotated[str, typer.Option(help="Only papers first seen since this time (ISO 8601).")] = "",
    limit: Limit = 50,
    search: Annotated[
        str, typer.Option(metavar="WORDS", help="List those that fit best instead, by words and meaning.")
    ] = "",
    as_json: Json = False,
) -> None:
    """List papers, newest first, or search.

    Example: digestd paper list --since 2026-11-24 --json

    Example: digestd paper list --search "frozen lakes"
    """
    if search and since:
        raise BadInput("--search and --since exclude each other; use one of them")
    built = wiring.connect()
    with built.db.read() as session:
        if search:
            found = _found(built, session, search, limit)
        else:
            found = papers.listing(session, limit, parse_datetime(since, "--since") if since else None)
    rows = [paper_row(paper) for paper in found]
    columns = ("id", "title", "archived", "signals")
    days = [{"published": paper.published.date()} for paper in found]
    table = [{name: row[name] for name in columns} | day for row, day in zip(rows, days, strict=True)]
    emit(rows if as_json else table, as_json)


def _found(built: App, session: Session, query: str, limit: int) -> list[Paper]:
    from digestd.logs import configure
    from digestd.papers.search import search_archive

    configure("console", "warning")
    return search_archive(session, built.encoder, query, limit)


def show_paper(
    name: PaperName,
    as_json: Json = False,
) -> None:
    """Show one paper.

    Example: digestd paper show 2401.00001
    """
    built = wiring.connect()
    with built.db.read() as session:
        found = papers.find(session, paper_id(name, "PAPER"))
        mergings = [] if found is None else merges.of_paper(session, found.key)
        known_as = [] if found is None else papers.names(session, found.key)
    if found is None:
        raise NotFound(f"there is no paper {name}; `digestd paper list` lists all")
    kept = {"authors": list(found.words.authors), "withdrawn": found.withdrawn, "ids": known_as}
    gist = {"gist": found.gist.text, "gist_from": found.gist.kind.value} if found.gist else {}
    merged = [
        {"merging": one.number, "by": one.by, "evidence": one.evidence, "at": one.at, "undone": one.undone}
        for one in mergings
    ]
    emit({**paper_row(found), **kept, **gist, "abstract": found.plain_abstract, "mergings": merged}, as_json)


def paper_row(paper: Paper) -> dict[str, object]:
    """Return one paper as printed."""
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
    from digestd.papers.paper_import import import_papers

    built = wiring.connect()
    try:
        with file.open("rb") as lines, progress("papers", file.stat().st_size) as advance:
            _require_jsonl(file, lines.peek())
            done = import_papers(built.db, _advancing(lines, advance), built.clock(), archive, strict)
    except OSError as error:
        raise BadInput(f"cannot read {files.explain(error, file)}") from error
    counts = {name: getattr(done, name) for name in ("added", "updated", "unchanged")} | {"refused": len(done.refused)}
    emit_import_report(counts, map(astuple, done.refused), as_json)


def summarise(
    limit: Annotated[int, typer.Option(callback=check_number, help="Ask about at most this many papers.")] = 20,
    as_json: Json = False,
) -> None:
    """Summarise new papers with the language model now, ahead of the service.

    It is the model of DIGESTD_LLM_URL. Summaries that do not keep to the abstract are dropped.

    Example: digestd paper summarise --limit 3
    """
    from digestd.papers.gist_writing import write_gists

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
    from digestd.papers.deduplication import merge_papers

    built = wiring.connect()
    emit(paper_row(merge_papers(built.db, paper_id(one, "PAPER"), paper_id(other, "PAPER"), built.clock())), as_json)


def split_one(
    name: PaperName,
    number: Annotated[
        int | None,
        typer.Option(
            "--merging", callback=check_number, help="The merge to undo, as `paper show` numbers it. Default: the last."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Split a paper that was merged from different works.

    The two are never merged again automatically. Subscribers who received the merged paper will receive neither again.

    Example: digestd paper split 2401.00001 --merging 17
    """
    from digestd.papers.deduplication import split_paper

    built = wiring.connect()
    emit([paper_row(paper) for paper in split_paper(built.db, paper_id(name, "PAPER"), built.clock(), number)], as_json)


def _require_jsonl(file: Path, start: bytes) -> None:
    """Refuse a file of another format as a whole, by the first kilobytes of it. Raises BadInput."""
    is_array = start.lstrip().startswith(b"[")
    if start.strip() and (is_array or not re.search(rb"^(\xef\xbb\xbf)?\s*\{", start, re.MULTILINE)):
        raise BadInput(f'{file} is not JSONL; write one object per line, as in {{"title": "How lakes freeze"}}')


def _advancing(lines: BinaryIO, advance: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the lines; of a line that is too long only the part that shows it."""
    from digestd.sources.jsonl import LINE_MAX

    while line := lines.readline(LINE_MAX + 1):
        advance(len(line))
        yield line
        while len(line) > LINE_MAX and not line.endswith(b"\n"):
            line = lines.readline(LINE_MAX + 1)
            advance(len(line))
