"""ingest: ask the sources for new papers."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.arguments import moment
from digestd.cli.output import emit, progress, say
from digestd.errors import BadInput
from digestd.ingest import IngestReport, SourceReport, Via, embed
from digestd.ingest import ingest as ask
from digestd.ingest.fetch import Fetcher
from digestd.ingest.recordings import Fetching, Recorder, Replayer
from digestd.sources import parse_source


def ingest(
    source: Annotated[
        str, typer.Option(help="Only this source, e.g. arxiv:cs.LG+cs.CL; by default all of `digestd source list`.")
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            help="Go back to this time (ISO 8601); by default to when the source last answered. "
            "What was announced more than 7 days ago trains the ranking and is never mailed."
        ),
    ] = "",
    record: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep every answer in this folder.")] = None,
    replay: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Take the answers from such a folder; ask nobody.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Ask the sources for new papers. Exits 1 if a source failed; the others are taken in all the same.

    Example: digestd ingest --source arxiv-rss:stat.ML --since 2026-11-20
    """
    fetching = _fetching(record, replay)
    app = wiring.build()
    sources = app.observed([parse_source(source)]) if source else app.sources
    if not sources:
        say("DIGESTD_SOURCES is none: nothing to ask")
    with progress("records", None) as told:
        via = Via(fetching, told)
        report = asyncio.run(ask(app.db, sources, app.client, app.clock, moment(since) if since else None, via))
    with progress("papers read by the dense model", None) as advance:
        embed(app.db, app.encoder, advance=advance)
    emit(report.as_dict() if as_json else [_row(one) for one in report.sources], as_json)
    _say_more(report)
    if report.broken:
        raise typer.Exit(1)


def _fetching(record: Path | None, replay: Path | None) -> Callable[[Fetcher], Fetching]:
    """What stands before the fetcher, or in its place."""
    if record and replay:
        raise BadInput("--record and --replay exclude each other; use one of them")
    if record:
        return lambda fetcher: Recorder(fetcher, record)
    if replay:
        replayer = Replayer(replay)
        return lambda _fetcher: replayer
    return lambda fetcher: fetcher


def _say_more(report: IngestReport) -> None:
    """What the table has no room for."""
    for one in report.sources:
        if one.note:
            say(f"{one.source}: {one.note}")
        for reject in one.rejects:
            say(f"{one.source}: left out {reject.where}: {reject.field}: {reject.message}")


def _row(report: SourceReport) -> dict[str, object]:
    columns = ("source", "state", "fetched", "new", "updated", "unchanged", "rejected")
    return {name: getattr(report, name) for name in columns} | {"error": report.error or ""}
