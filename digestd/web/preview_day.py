"""Keep today's candidate papers in memory for previews and for hints about topics.

They are refreshed in the background.

Loading takes seconds, ranking milliseconds. So the home page starts loading (`begin`) while its visitor reads. Requests
wait only while nothing is loaded yet, or if the loaded day is older than STALE. The code that ranks is imported with
the first day, and a day that nobody uses is dropped: a service without visitors needs neither.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Lock, Timer
from typing import TYPE_CHECKING

from sqlmodel import Session

from digestd.app import App
from digestd.domain.interest import Interest
from digestd.domain.reference import Reference
from digestd.domain.topic_hint import TopicHint

if TYPE_CHECKING:
    from digestd.digests.anonymous_preview import AnonymousPreview
    from digestd.digests.planning_day import PlanningDay

FRESH = timedelta(minutes=10)
UNUSED_SECONDS = 15 * 60.0
"""Time without requests after which the day is dropped: it takes some 80 MiB."""
STALE = timedelta(hours=3)
"""Maximum age of a day that is still shown."""


class PreviewDay:
    """The current day. `gather` loads the day of a time; only one load runs at a time."""

    def __init__(self, gather: Callable[[datetime], "PlanningDay"]) -> None:
        self._gather = gather
        self._lock = Lock()
        self._kept: PlanningDay | None = None
        self._coming: Future[PlanningDay] | None = None
        self._reader = ThreadPoolExecutor(1, "today")
        self._used = 0.0
        self._drop: Timer | None = None

    @classmethod
    def of(cls, app: App) -> "PreviewDay":
        """Return the current day of an installation."""

        def gather(now: datetime) -> "PlanningDay":
            from digestd.digests.planning_day import read_planning_day

            # without likes: a visitor who tries one list of likes after another would learn what its owners like
            return read_planning_day(app.db, now, app.encoder, co_likes=False)

        return cls(gather)

    def begin(self, now: datetime) -> None:
        """Start loading the day of `now` in the background, unless a fresh one is loaded."""
        with self._lock:
            self._keep()
            if self._kept is None or _age(self._kept, now) > FRESH:
                self._renewed(now)

    def day(self, now: datetime) -> "PlanningDay":
        """Return the newest day that may be shown at `now`."""
        with self._lock:
            self._keep()
            kept = self._kept
            if kept is not None and _age(kept, now) <= FRESH:
                return kept
            coming = self._renewed(now)
        return kept if kept is not None and _age(kept, now) <= STALE else coming.result()

    def preview(
        self, session: Session, interests: Sequence[Interest], size: int, own: Sequence[Reference], now: datetime
    ) -> "AnonymousPreview":
        """Return the first digest for these interests (see `preview_anonymous`)."""
        from digestd.digests.anonymous_preview import preview_anonymous

        return preview_anonymous(session, self.day(now), interests, size, own)

    def hints(self, topics: Sequence[str], now: datetime) -> tuple[TopicHint, ...]:
        """Return hints about the first TOPICS_MAX topics; none without papers."""
        if not topics:
            return ()
        from digestd.digests.topic_hints import TOPICS_MAX
        from digestd.ranking.topic_hints import hint_topics

        candidates = self.day(now).candidates
        return tuple(hint_topics(topics[:TOPICS_MAX], candidates.subjects, candidates.topic_encoder))

    def _keep(self) -> None:
        """Drop the day UNUSED_SECONDS from now, not before. The caller holds the lock."""
        self._used = time.monotonic()
        if self._drop is None:
            self._drop_in(UNUSED_SECONDS)

    def _drop_in(self, seconds: float) -> None:
        self._drop = Timer(seconds, self._forget)
        self._drop.daemon = True
        self._drop.start()

    def _forget(self) -> None:
        from digestd.digests.resource_limits import release_free_memory

        with self._lock:
            left = self._used + UNUSED_SECONDS - time.monotonic()
            if left > 0:
                self._drop_in(left)
                return
            self._kept = self._drop = None
        release_free_memory()

    def _renewed(self, now: datetime) -> "Future[PlanningDay]":
        """Return the running load, or start one. The caller holds the lock."""
        if self._coming is None:
            self._coming = self._reader.submit(self._read, now)
        return self._coming

    def _read(self, now: datetime) -> "PlanningDay":
        try:
            day = self._gather(now)
        except BaseException:
            with self._lock:
                self._coming = None
            raise
        with self._lock:
            self._keep()
            self._kept = day if day.candidates.papers else None  # do not keep a day without papers
            self._coming = None
        return day


def _age(day: "PlanningDay", now: datetime) -> timedelta:
    return abs(now - day.now)
