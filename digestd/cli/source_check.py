"""source check: try a source."""

import asyncio
from datetime import timedelta

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.cli.source import Spec
from digestd.papers.source_check import SourceCheck, sample_source
from digestd.sources import parse_source
from digestd.store import papers, sources
from digestd.store.sources import RejectedRecord

SHOWN = 5
"""The number of records shown of each kind."""
RECENT = timedelta(days=7)


def check_source(spec: Spec, as_json: Json = False) -> None:
    """Fetch one page of a source without storing it, and report problems.

    Also shows records that could not be read in its last ingest. Exits 1 if there are problems.

    Example: digestd source check feed:https://journal.example.org/rss
    """
    built = wiring.connect()
    (source,) = built.observed([parse_source(spec)])
    with built.db.read() as session:
        rejects = sources.rejected(session, source.name)
        known = papers.candidates(session, built.clock() - RECENT, built.clock())
    checked = asyncio.run(sample_source(built.db, source, built.client, built.clock, known))
    report = _report(checked, rejects)
    emit(report if as_json else {name: value for name, value in report.items() if name != "concerns"}, as_json)
    for concern in checked.concerns:
        say(f"{source.name}: {concern}")
    if checked.concerns:
        raise typer.Exit(1)


def _report(checked: SourceCheck, rejects: list[RejectedRecord]) -> dict[str, object]:
    found = checked.page.sightings
    dates = [sighting.published for sighting in found if sighting.published]
    return {
        "source": checked.source,
        "asked": checked.asked,
        "bytes": checked.size,
        "papers": len(found),
        "more": checked.page.next is not None,
        "total": checked.page.total,
        "newest": max(dates, default=None),
        "with_abstract": sum(bool(sighting.words.abstract) for sighting in found),
        "first": [f"{sighting.ids[0]}  {sighting.words.title}" for sighting in found[:SHOWN]],
        "rejects": [f"{one.where}: {one.field}: {one.message}" for one in checked.page.rejects[:SHOWN]],
        "rejects_of_last_ingest": [f"{one.where}: {one.field}: {one.message}" for one in rejects[:SHOWN]],
        "concerns": list(checked.concerns),
    }
