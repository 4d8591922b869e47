"""ingest: ask the sources for new papers."""

import asyncio
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.digest import moment
from digestd.cli.output import emit, progress, say
from digestd.ingest import SourceReport, embed
from digestd.ingest import ingest as ask
from digestd.sources import parse_source


def ingest(
    source: Annotated[
        str, typer.Option(help="Only this source, e.g. arxiv:cs.LG+cs.CL; by default those of DIGESTD_SOURCES.")
    ] = "",
    since: Annotated[
        str, typer.Option(help="Go back to this time (ISO 8601); by default to when the source last answered.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Ask the sources for new papers. Exits 1 if a source is broken; the others are taken in all the same.

    Example: digestd ingest --source arxiv-rss:stat.ML --since 2026-11-20
    """
    app = wiring.build()
    sources = [parse_source(source)] if source else app.sources
    if not sources:
        say("DIGESTD_SOURCES is none: nothing to ask")
    report = asyncio.run(ask(app.db, sources, app.client, app.clock, moment(since) if since else None))
    with progress("papers read by the dense model", None) as advance:
        embed(app.db, app.encoder, advance=advance)
    emit(report.as_dict() if as_json else [_row(one) for one in report.sources], as_json)
    for one in report.sources:
        for reject in one.rejects:
            say(f"{one.source}: left out {reject.where}: {reject.field}: {reject.message}")
    if report.broken:
        raise typer.Exit(1)


def _row(report: SourceReport) -> dict[str, object]:
    columns = ("source", "state", "fetched", "new", "updated", "unchanged", "rejected")
    return {name: getattr(report, name) for name in columns} | {"error": report.error or ""}
