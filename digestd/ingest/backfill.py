"""Fetch the days that a source has missed by another interface of the same source.

A source that is asked by `since` makes good by itself what it missed; a feed that shows only its newest
announcement does not. What does not fit into one run is left for the next.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from digestd.domain.coverage import COMPLETE, Coverage, CoverageState
from digestd.ingest.coverage import Seen
from digestd.ingest.expected_schedule import Rhythm
from digestd.ingest.reading import Haul, Visit, counted, read
from digestd.sources import Backfilled
from digestd.sources.arxiv_calendar import days

WEEK = timedelta(days=7)
WEEKEND = timedelta(days=3)


def missed(found: Iterable[Coverage], rhythm: Rhythm, since: date, now: datetime) -> list[date]:
    """The days to look for elsewhere: not complete, and due for longer than the source may be late. Pure."""
    return [
        row.day
        for row in found
        if row.day >= since
        and row.state not in {*COMPLETE, CoverageState.LATE}
        and (due := rhythm.due(row.day)) is not None
        and now >= due + rhythm.grace
    ]


def spans(missing: Iterable[date]) -> list[tuple[date, date]]:
    """The days as few requests' worth of ranges: over a weekend, at most a week long, newest first. Pure."""
    found: list[tuple[date, date]] = []
    for day in sorted(missing, reverse=True):
        if found and found[-1][0] - day <= WEEKEND and found[-1][1] - day < WEEK:
            found[-1] = day, found[-1][1]
        else:
            found.append((day, day))
    return found


async def fill(visit: Visit, source: Backfilled, seen: Seen, missing: Iterable[date]) -> Seen:
    """Ask for the missing days, and add them to what was seen. A day counts as whole once all its range was read."""
    for first, last in spans(missing):
        haul = Haul()
        other = source.backfill(first, last)
        error = await read(visit, other, datetime.combine(first, time(), UTC), haul)
        seen = _added(seen, haul, first, last)
        if error:
            wanted = str(first) if first == last else f"{first} to {last}"
            visit.report.add_note(f"{wanted} could not be fetched by {other.name}: {error}")
            break
    return seen


def _added(seen: Seen, haul: Haul, first: date, last: date) -> Seen:
    asked = frozenset(days(first, last))
    items = dict(seen.items)
    for day, count in counted(haul, asked).items():
        items[day] = max(count, items.get(day, 0))
    newest = max((day for day in (seen.newest, *haul.items) if day), default=None)
    seen = replace(seen, items=items, newest=newest)
    if not haul.ended or haul.flaw:
        return seen
    return replace(seen, whole=seen.whole | asked, checked=seen.checked | asked)
