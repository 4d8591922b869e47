"""paper: list and show."""

from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json, Limit, PaperName, parse_datetime
from digestd.cli.output import emit
from digestd.domain.paper import Paper, paper_id
from digestd.errors import NotFound
from digestd.store import merges, papers


def list_papers(
    since: Annotated[str, typer.Option(help="Only papers first seen since this time (ISO 8601).")] = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List papers, newest first.

    Example: digestd paper list --since 2026-11-24 --json
    """
    built = wiring.connect()
    with built.db.read() as session:
        found = papers.listing(session, limit, parse_datetime(since) if since else None)
    rows = [paper_row(paper) for paper in found]
    columns = ("id", "title", "archived", "signals")
    days = [{"published": paper.published.date()} for paper in found]
    table = [{name: row[name] for name in columns} | day for row, day in zip(rows, days, strict=True)]
    emit(rows if as_json else table, as_json)


def show_paper(
    name: PaperName,
    as_json: Json = False,
) -> None:
    """Show one paper.

    Example: digestd paper show 2401.00001
    """
    built = wiring.connect()
    with built.db.read() as session:
        found = papers.find(session, paper_id(name))
        mergings = [] if found is None else merges.of_paper(session, found.key)
        known_as = [] if found is None else papers.names(session, found.key)
    if found is None:
        raise NotFound(f"there is no paper {name}; `digestd paper list` shows the papers")
    kept = {"authors": list(found.words.authors), "withdrawn": found.withdrawn, "ids": known_as}
    gist = {"gist": found.gist.text, "gist_from": found.gist.kind.value} if found.gist else {}
    more = {**gist, "abstract": found.plain_abstract, "mergings": [_merging(one) for one in mergings]}
    emit({**paper_row(found), **kept, **more}, as_json)


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


def _merging(one: merges.Merge) -> dict[str, object]:
    return {"merging": one.number, "by": one.by, "evidence": one.evidence, "at": one.at, "undone": one.undone}
