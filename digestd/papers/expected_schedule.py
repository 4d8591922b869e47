"""Predict when a day's papers are due and how many: from a calendar or from past weeks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median_low

from digestd.domain.coverage import COMPLETE, Coverage

LEARNED_FROM = timedelta(weeks=8)
ANNOUNCEMENTS_MIN = 3
"""So many announcements say how large one is."""
WEEKDAYS_MIN = 4
"""So many days say what their weekday brings: a month of them, so that one holiday misleads nobody."""
CALENDAR_GRACE = timedelta(hours=3)
"""Delay of an announcement after which the source is stale and other interfaces are tried."""
LEARNED_GRACE = timedelta(days=1)
"""The same for a source whose hour is not known."""

AnnouncementTime = Callable[[date], datetime | None]


@dataclass(frozen=True, slots=True)
class ExpectedSchedule:
    """The expected schedule of one source. `known`: its days so far; `announcement_time`: its calendar, if any."""

    known: Sequence[Coverage] = ()
    announcement_time: AnnouncementTime | None = None

    @property
    def grace(self) -> timedelta:
        """Return how long after `due` the papers of a day may still come."""
        return CALENDAR_GRACE if self.announcement_time else LEARNED_GRACE

    def due(self, day: date) -> datetime | None:
        """Return when the papers of a day should be here, or None if it brings none.

        Without a calendar: the end of the day.
        """
        if self.announcement_time:
            return self.announcement_time(day)
        if self.expected(day) == 0:
            return None
        return datetime.combine(day + timedelta(days=1), time(), UTC)

    def expected(self, day: date) -> int | None:
        """Return the expected number of papers: the median of the weekday over eight weeks.

        None if too little is known. With a calendar three announcements suffice, of that
        weekday or else of any; without one, four days of that weekday are needed.
        """
        if self.announcement_time is None:
            return _median(self._complete(day, {day.weekday()}), WEEKDAYS_MIN)
        if self.announcement_time(day) is None:
            return 0
        alike = _median(self._complete(day, {day.weekday()}), ANNOUNCEMENTS_MIN)
        return _median(self._complete(day, set(range(7))), ANNOUNCEMENTS_MIN) if alike is None else alike

    def _complete(self, before: date, weekdays: set[int]) -> list[int]:
        """Return the number of papers on each complete day of these weekdays that had an announcement."""
        return [
            row.items
            for row in self.known
            if before - LEARNED_FROM <= row.day < before
            and row.state in COMPLETE
            and row.day.weekday() in weekdays
            and (self.announcement_time is None or self.announcement_time(row.day))
        ]


def _median(counts: Sequence[int], enough: int) -> int | None:
    return median_low(counts) if len(counts) >= enough else None
