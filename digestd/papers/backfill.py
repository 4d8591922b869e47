"""Fetch missed days from another interface of the same source.

A source that takes a `since` date catches up by itself; a feed that shows only its
newest announcement does not. What does not fit into one run waits for the next.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from digestd.domain.coverage import COMPLETE, Coverage, CoverageState
from digestd.papers.coverage import ExpectedSchedule, Observation
from digestd.papers.page_reader import FetchResult, SourceVisit, count_by_day, read_source
from digestd.sources.arxiv.calendar import date_range
from digestd.sources.source import BackfillSource

WEEK = timedelta(days=7)
WEEKEND = timedelta(days=3)


def missed_days(found: Iterable[Coverage], schedule: ExpectedSchedule, since: date, now: datetime) -> list[date]:
    """Return the days to fetch elsewhere: incomplete, and due for longer than the grace period."""
    return [
        row.day
        for row in found
        if row.day >= since
        and row.state not in {*COMPLETE, CoverageState.LATE}
        and (due := schedule.due(row.day)) is not None
        and now >= due + schedule.grace
    ]


def group_days(missing: Iterable[date]) -> list[tuple[date, date]]:
    """Group days into few ranges for requests, across weekends, at most a week long, newest first."""
    found: list[tuple[date, date]] = []
    for day in sorted(missing, reverse=True):
        if found and found[-1][0] - day <= WEEKEND and found[-1][1] - day < WEEK:
            found[-1] = day, found[-1][1]
        else:
            found.append((day, day))
    return found


async def fetch_missing(
    visit: SourceVisit, source: BackfillSource, seen: Observation, missing: Iterable[date]
) -> Observation:
    """Fetch the missing days and add them to the observation.

    A day counts as complete once its whole range was read.
    """
    for first, last in group_days(missing):
        result = FetchResult()
        other = source.backfill(first, last)
        error = await read_source(visit, other, datetime.combine(first, time(), UTC), result)
        seen = _added(seen, result, first, last)
        if error:
            wanted = str(first) if first == last else f"{first} to {last}"
            visit.report.add_note(f"{wanted} could not be fetched by {other.name}: {error}")
            break
    return seen


def _added(seen: Observation, result: FetchResult, first: date, last: date) -> Observation:
    days = frozenset(date_range(first, last))
    items = dict(seen.items)
    for day, count in count_by_day(result, days).items():
        items[day] = max(count, items.get(day, 0))
    newest = max((day for day in (seen.newest, *result.items) if day), default=None)
    seen = replace(seen, items=items, newest=newest)
    if not result.ended or result.flaw:
        return seen
    return replace(seen, complete_days=seen.complete_days | days, checked=seen.checked | days)
