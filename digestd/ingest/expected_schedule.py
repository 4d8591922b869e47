"""When the papers of a day are due, and about how many: by a source's calendar, or by its weeks so far. Pure."""

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
"""How long an announcement may be late before the source is called stale, and is looked for elsewhere."""
RHYTHM_GRACE = timedelta(days=1)
"""The same for a source whose hour is not known."""

Announced = Callable[[date], datetime | None]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What is to be expected of one source. `known`: its days so far; `announced`: its calendar, where it has one."""

    known: Sequence[Coverage] = ()
    announced: Announced | None = None

    @property
    def grace(self) -> timedelta:
        """How long after `due` the papers of a day may still come."""
        return CALENDAR_GRACE if self.announced else RHYTHM_GRACE

    def due(self, day: date) -> datetime | None:
        """From when the papers of a day should be here; None for a day that brings none.

        Without a calendar that is when the day is over.
        """
        if self.announced:
            return self.announced(day)
        if self.expected(day) == 0:
            return None
        return datetime.combine(day + timedelta(days=1), time(), UTC)

    def expected(self, day: date) -> int | None:
        """About how many papers a day brings: the median of the same weekday over the last eight weeks.

        None where too little is known. With a calendar, three announcements will do, of that weekday
        or else of any; without one, four days of that weekday are needed.
        """
        if self.announced is None:
            return _median(self._complete(day, {day.weekday()}), WEEKDAYS_MIN)
        if self.announced(day) is None:
            return 0
        alike = _median(self._complete(day, {day.weekday()}), ANNOUNCEMENTS_MIN)
        return _median(self._complete(day, set(range(7))), ANNOUNCEMENTS_MIN) if alike is None else alike

    def _complete(self, before: date, weekdays: set[int]) -> list[int]:
        """How many papers came on each complete day of these weekdays; days without an announcement left out."""
        return [
            row.items
            for row in self.known
            if before - LEARNED_FROM <= row.day < before
            and row.state in COMPLETE
            and row.day.weekday() in weekdays
            and (self.announced is None or self.announced(row.day))
        ]


def _median(counts: Sequence[int], enough: int) -> int | None:
    return median_low(counts) if len(counts) >= enough else None
