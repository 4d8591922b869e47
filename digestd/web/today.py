"""The day as this process holds it for previews: read once, renewed behind the answers when it has aged.

Reading takes seconds and ranking milliseconds, so a service has it begun at its start (begin), and nobody waits for
it but whoever comes before it ends, or when nothing that was read may still be shown.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Lock

from digestd.plan.planning_day import PlanningDay

FRESH = timedelta(minutes=10)
STALE = timedelta(hours=3)
"""From this age on nothing is shown of it."""


class Today:
    """`gather` reads the day of a time; one such reading at a time."""

    def __init__(self, gather: Callable[[datetime], PlanningDay]) -> None:
        self._gather = gather
        self._lock = Lock()
        self._kept: PlanningDay | None = None
        self._coming: Future[PlanningDay] | None = None
        self._reader = ThreadPoolExecutor(1, "today")

    def begin(self, now: datetime) -> None:
        """Have the day of `now` read, while nobody waits for it."""
        with self._lock:
            self._renewed(now)

    def day(self, now: datetime) -> PlanningDay:
        """The newest day that may be shown at `now`."""
        with self._lock:
            kept = self._kept
            if kept is not None and _age(kept, now) <= FRESH:
                return kept
            coming = self._renewed(now)
        return kept if kept is not None and _age(kept, now) <= STALE else coming.result()

    def _renewed(self, now: datetime) -> "Future[PlanningDay]":
        """The reading under way, or a new one; under the lock."""
        if self._coming is None:
            self._coming = self._reader.submit(self._read, now)
        return self._coming

    def _read(self, now: datetime) -> PlanningDay:
        try:
            day = self._gather(now)
        except BaseException:
            with self._lock:
                self._coming = None
            raise
        with self._lock:
            self._kept, self._coming = (
                (day if day.candidates.papers else None),
                None,
            )  # before the first papers no day lasts
        return day


def _age(day: PlanningDay, now: datetime) -> timedelta:
    return abs(now - day.now)
