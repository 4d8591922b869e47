"""ingest: fetch new papers from the sources."""

import asyncio
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json, parse_datetime
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.cli.progress import progress
from digestd.papers.embedding import embed_papers
from digestd.papers.ingest import IngestOptions
from digestd.papers.ingest import ingest as fetch_all
from digestd.papers.ingest_report import IngestReport, SourceReport
from digestd.sources import parse_source


def ingest(
    source: Annotated[
        str, typer.Option(help="Only this source, as in arxiv:cs.LG+cs.CL. Default: all of `digestd source list`.")
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            help="Fetch papers since this time (ISO 8601). Default: since the last fetch. "
            "Papers announced more than 7 days ago train the ranking and are never mailed."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Fetch new papers. One failing source does not stop the others.

    Exits 1 if a source failed.

    Example: digestd ingest --source arxiv-rss:stat.ML --since 2026-11-20
    """
    app = wiring.build()
    sources = app.observed([parse_source(source)]) if source else app.sources
    if not sources:
        say("there are no sources: DIGESTD_SOURCES is none")
    with progress("records", None) as advance:
        options = IngestOptions(advance)
        report = asyncio.run(
            fetch_all(app.db, sources, app.client, app.clock, parse_datetime(since) if since else None, options)
        )
    with progress("papers encoded", None) as advance:
        embed_papers(app.db, app.encoder, advance=advance)
    emit(report.as_dict() if as_json else [_row(one) for one in report.sources], as_json)
    _say_notes(report)
    if report.broken:
        raise typer.Exit(1)


def _say_notes(report: IngestReport) -> None:
    """Print failed sources as warnings, notes and skipped records, which do not fit in the table."""
    for one in report.sources:
        if one.error:
            say(f"warning: {one.source}: {one.error}; `digestd source check {one.source}` tries it")
        if one.note:
            say(f"{one.source}: {one.note}")
        for reject in one.rejects:
            say(f"{one.source}: skipped {reject.where}: {reject.field}: {reject.message}")


def _row(report: SourceReport) -> dict[str, object]:
    columns = ("source", "state", "fetched", "new", "updated", "unchanged", "rejected")
    return {name: getattr(report, name) for name in columns} | {"error": report.error or ""}
