"""Keep today's candidate papers in memory for previews and for hints about topics.

They are refreshed in the background.

Loading takes seconds, ranking milliseconds. So the home page starts loading (`begin`) while its visitor reads. Requests
wait only while nothing is loaded yet, or if the loaded day is older than STALE. The code that ranks is imported with
the first day, and a day that nobody uses is dropped: a service without visitors needs neither.

Whatever ranks or waits for the day runs in one thread of its own (`run`), so that no page waits for it. A place is held
while the answer is computed, which takes a bounded time, and not while a client sends a form or reads an answer. So no
network can hold its places for long, or more of them than others.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from threading import Lock, Timer
from typing import TYPE_CHECKING, Annotated, TypeVar
from unicodedata import normalize

from fastapi import Depends
from fastapi.concurrency import run_in_threadpool
from sqlmodel import Session

from digestd.app import App
from digestd.domain.interest import HINTED_MAX, Interest, TopicHint
from digestd.domain.reference import Reference
from digestd.domain.subscriber import Preferences, Subscriber
from digestd.logs import found_or_none
from digestd.web.dependencies import part
from digestd.web.guards import TooOften, Window

if TYPE_CHECKING:
    from digestd.digests.anonymous_preview import DigestPreview
    from digestd.digests.planning_day import PlanningDay, RankingOptions
    from digestd.ranking.topic_hints import TopicHints

T = TypeVar("T")

FRESH = timedelta(minutes=10)
UNUSED_SECONDS = 15 * 60.0
"""Time without requests after which the day is dropped: it takes some 80 MiB."""
STALE = timedelta(hours=3)
"""Maximum age of a day that is still shown."""
ENCODED_MAX = 40
"""Papers without a vector that are encoded for a preview, some 25 a second; planning encodes all."""
PER_NETWORK, EVERYONE = 2, 8
"""Places: the requests of one network, and of all, that may wait or run at a time."""
SWITCH_SECONDS = 0.0005
"""For how long a preview may keep the interpreter from pages, which ask for it several times each. Default: 0.005."""
SOON = {"Retry-After": "2"}
TOKENS = 120
"""Tokens of topics that count as one more request: the encoder reads them in at most 50 ms, whatever the script."""
TOPIC = 10
"""Tokens that reading a topic takes besides its own."""
HINTED, SPAN = 60, timedelta(minutes=1)
"""The price of the topics that one network gets hints about within SPAN when settings are saved or shown."""


class PreviewRefused(TooOften):
    """A network has asked for too many previews, or there is no place for one."""

    words = "previews"

    def __init__(self, status: int, later: dict[str, str]) -> None:
        super().__init__(later)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Loaded:
    day: "PlanningDay"
    hints: "TopicHints"


def price_of(topics: Iterable[str]) -> int:
    """Return how many requests a request counts as that makes the encoder read these topics.

    A token of the encoder has at least one letter, part of a syllable or sign, so there are no more tokens than those.
    """
    return 1 + sum(TOPIC + len(normalize("NFD", "".join(topic.split()))) for topic in topics) // TOKENS


class PreviewDay:
    """The current day. `gather` loads the day of a time; only one load runs at a time."""

    def __init__(self, gather: Callable[[datetime], "PlanningDay"]) -> None:
        self._gather = gather
        self._lock = Lock()
        self._kept: _Loaded | None = None
        self._coming: Future[_Loaded] | None = None
        self._reader = ThreadPoolExecutor(1, "today")
        self._ranker = ThreadPoolExecutor(1, "preview")
        self._places = Counter[str]()
        self._hinted = Window(HINTED, SPAN)
        self._used = 0.0
        self._drop: Timer | None = None

    @classmethod
    def of(cls, app: App) -> "PreviewDay":
        """Return the current day of an installation."""

        @cache
        def options() -> "RankingOptions":
            from digestd.digests.planning_day import RankingOptions
            from digestd.ranking.dense import CachedEncoder

            # without likes: a visitor who tries one list of likes after another would learn what its owners like
            encoder = CachedEncoder(app.encoder, in_batches=True)
            return RankingOptions(encoder, co_likes=False, encoded_max=ENCODED_MAX)

        def gather(now: datetime) -> "PlanningDay":
            from threadpoolctl import threadpool_limits

            from digestd.digests.planning_day import read_planning_day

            threadpool_limits(1, "blas")  # for good: the products of a preview are small
            sys.setswitchinterval(SWITCH_SECONDS)
            return read_planning_day(app.db, now, options())

        return cls(gather)

    async def run(self, network: str, work: Callable[[], T]) -> T:
        """Run `work`, which ranks, after earlier ones. Raises PreviewRefused if its network or all hold all places."""
        return await asyncio.wrap_future(self._submit(network, work))

    async def search(self, network: str, query: str, work: Callable[[], T]) -> T:
        """Run `work` in any thread if there is no query, else as `run` does, because a search takes long."""
        return await (self.run(network, work) if query.strip() else run_in_threadpool(work))

    def _submit(self, network: str, work: Callable[[], T]) -> Future[T]:
        with self._lock:
            if self._places[network] >= PER_NETWORK:
                raise PreviewRefused(429, SOON)
            if self._places.total() >= EVERYONE:
                raise PreviewRefused(503, SOON)
            running = self._ranker.submit(work)
            self._places[network] += 1
        running.add_done_callback(lambda _: self._leave(network))  # even if nobody waits for the answer any more
        return running

    def _leave(self, network: str) -> None:
        with self._lock:
            self._places -= Counter((network,))

    def begin(self, now: datetime) -> None:
        """Start loading the day of `now` in the background, unless a fresh one is loaded."""
        with self._lock:
            self._keep()
            if self._kept is None or _age(self._kept, now) > FRESH:
                self._renewed(now)

    def day(self, now: datetime) -> "PlanningDay":
        return self._loaded(now).day

    def _loaded(self, now: datetime) -> _Loaded:
        with self._lock:
            self._keep()
            kept = self._kept
            if kept is not None and _age(kept, now) <= FRESH:
                return kept
            coming = self._renewed(now)
        return kept if kept is not None and _age(kept, now) <= STALE else coming.result()

    def preview(
        self,
        session: Session,
        interests: Sequence[Interest],
        preferences: Preferences,
        own: Sequence[Reference],
        now: datetime,
    ) -> "DigestPreview":
        """Return the first digest for these interests (see `preview_anonymous`). For `run`."""
        from digestd.digests.anonymous_preview import preview_anonymous

        return preview_anonymous(session, self.day(now), interests, preferences, own)

    def preview_changed(self, session: Session, changed: Subscriber, now: datetime) -> "DigestPreview":
        """Return the next digest of a subscriber with changed settings (see there). For `run`."""
        from digestd.digests.anonymous_preview import preview_changed

        return preview_changed(session, self.day(now), changed.key, changed.interests, changed.preferences)

    def hints(self, topics: Sequence[str], now: datetime) -> tuple[TopicHint, ...]:
        """Return hints about the first HINTED_MAX topics; none without papers, or if they fail. For `run`."""
        if not topics:
            return ()

        def found() -> list[TopicHint]:
            return self._loaded(now).hints.of(topics[:HINTED_MAX])

        return tuple(found_or_none("hints", found))

    async def hints_if_idle(self, network: str, topics: Sequence[str], now: datetime) -> tuple[TopicHint, ...]:
        """Return hints about topics that were saved; none if there is no place, as nothing depends on them."""
        try:
            return (
                await self.run(network, lambda: self.hints(topics, now)) if self._may_hint(network, topics, now) else ()
            )
        except PreviewRefused:
            return ()

    def quick_hints(self, network: str, topics: Sequence[str], now: datetime) -> tuple[TopicHint, ...]:
        """Return hints about topics if the day is loaded and nobody else waits, else none: no page waits for them."""
        kept = self._kept
        if kept is None or _age(kept, now) > STALE or self._places or not self._may_hint(network, topics, now):
            return ()
        try:
            return self._submit(network, lambda: self.hints(topics, now)).result()
        except PreviewRefused:
            return ()

    def _may_hint(self, network: str, topics: Sequence[str], now: datetime) -> bool:
        """Return True if there are topics and the network has not asked for too many, and count them."""
        return bool(topics) and self._hinted.allows(network, now, min(price_of(topics[:HINTED_MAX]), HINTED))

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

    def _renewed(self, now: datetime) -> "Future[_Loaded]":
        """Return the running load, or start one. The caller holds the lock."""
        if self._coming is None:
            self._coming = self._reader.submit(self._read, now)
        return self._coming

    def _read(self, now: datetime) -> _Loaded:
        try:
            loaded = _with_hints(self._gather(now))
        except BaseException:
            with self._lock:
                self._coming = None
            raise
        with self._lock:
            self._keep()
            self._kept = loaded if loaded.day.candidates.papers else None  # do not keep a day without papers
            self._coming = None
        return loaded


TodaysPapers = Annotated[PreviewDay, Depends(part(PreviewDay.of))]


def _with_hints(day: "PlanningDay") -> _Loaded:
    from digestd.ranking.topic_hints import TopicHints

    return _Loaded(day, TopicHints(day.candidates.model, day.candidates.subjects))


def _age(loaded: _Loaded, now: datetime) -> timedelta:
    return abs(now - loaded.day.now)
