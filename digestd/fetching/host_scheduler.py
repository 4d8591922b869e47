"""Schedule requests per host, over all processes and restarts, in the store.

A host that must be asked alone (arXiv's terms: one connection at a time) is also held,
from before the request to after the answer; the hold of a process that dies expires.
The next turn counts from the start of the answer, as requests differ in latency.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from digestd.errors import SourceFailed, SourceUnavailable
from digestd.fetching.rate_limit_headers import requested_pause
from digestd.sources.source import RateLimit
from digestd.store import hosts
from digestd.store.database import Database

POLL = 0.2
SLACK = 2.0
"""A hold outlives the request's deadline by so many seconds: giving up takes a moment too."""
_TAKEN = "{} is being asked by another process"


class HostUnavailableError(SourceFailed):
    """A host must not be asked now; this does not count against it."""


class HostHeldError(HostUnavailableError, SourceUnavailable):
    """Another process is asking the host."""


@dataclass(slots=True)
class RequestSlot:
    """One request to one host."""

    rate_limit: RateLimit
    began: datetime


class HostScheduler:
    """Grants turns: who may ask which host, and when."""

    def __init__(self, db: Database, clock: Callable[[], datetime], seconds: float, patience: float) -> None:
        self._db = db
        self._clock = clock
        self._seconds = seconds
        self._patience = patience
        self._holder = f"{os.getpid()}-{uuid4().hex[:24]}"
        self._locks: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def slot(self, rate_limit: RateLimit, deadline: asyncio.Timeout) -> AsyncIterator[RequestSlot]:
        """Wait for a turn, and end it after the block. Waiting does not count towards the deadline.

        Raises HostUnavailableError if the host must not be asked soon.
        """
        with _paused(deadline):
            lock = self._locks.setdefault(rate_limit.host, asyncio.Lock())
            await lock.acquire()
        try:
            with _paused(deadline):
                await self._wait(rate_limit)
            turn = RequestSlot(rate_limit, self._clock())
            try:
                yield turn
            finally:
                if rate_limit.exclusive:
                    await asyncio.to_thread(
                        self._release, rate_limit.host, turn.began + timedelta(seconds=rate_limit.seconds)
                    )
        finally:
            lock.release()

    async def apply_headers(self, turn: RequestSlot, status: int, headers: Mapping[str, str]) -> float:
        """Store the pause that the host's headers ask for, and return it in seconds."""
        turn.began = now = self._clock()
        pause = requested_pause(status, headers, now)
        if pause > turn.rate_limit.seconds:
            until = now + min(timedelta(seconds=min(pause, 1e6)), hosts.HORIZON)
            await asyncio.to_thread(self._postpone, turn.rate_limit.host, until)
        return pause

    async def _wait(self, rate_limit: RateLimit) -> None:
        if rate_limit.exclusive:
            await self._hold(rate_limit.host)
        elif rate_limit.seconds <= 0:
            return
        try:
            now = self._clock()
            turn = await asyncio.to_thread(self._reserve, rate_limit, now)
            wait = (turn - now).total_seconds()
            if wait > self._seconds:
                raise HostUnavailableError(f"{rate_limit.host} is not to be asked before {format_time(turn)}")
            await asyncio.sleep(max(0.0, wait))
        except BaseException:
            if rate_limit.exclusive:
                await asyncio.to_thread(self._release, rate_limit.host, self._clock())
            raise

    async def _hold(self, host: str) -> None:
        """Retry until nobody else holds the host."""
        for _try in range(max(1, round(self._patience / POLL))):
            if await asyncio.to_thread(self._take, host):
                return
            await asyncio.sleep(POLL)
        raise HostHeldError(_TAKEN.format(host))

    def _take(self, host: str) -> bool:
        now = self._clock()
        with self._db.read() as session:
            if hosts.is_held(session, host, now):
                return False
        with self._db.write() as session:
            return hosts.acquire(session, host, self._holder, now, now + timedelta(seconds=2 * self._seconds + SLACK))

    def _reserve(self, rate_limit: RateLimit, now: datetime) -> datetime:
        """Reserve the time slot before using it, so that no other process takes it."""
        with self._db.write() as session:
            turn = hosts.reserve(session, rate_limit.host, now, rate_limit.seconds)
            if rate_limit.exclusive:
                until = turn + timedelta(seconds=self._seconds + SLACK)
                if not hosts.acquire(session, rate_limit.host, self._holder, now, until):
                    raise HostHeldError(_TAKEN.format(rate_limit.host))
        return turn

    def _release(self, host: str, following: datetime) -> None:
        with self._db.write() as session:
            hosts.release(session, host, self._holder, following)

    def _postpone(self, host: str, until: datetime) -> None:
        with self._db.write() as session:
            hosts.postpone(session, host, until)


def format_time(instant: datetime) -> str:
    """Return a time for messages."""
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


@contextmanager
def _paused(deadline: asyncio.Timeout) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    left = (deadline.when() or loop.time()) - loop.time()
    deadline.reschedule(None)
    try:
        yield
    finally:
        deadline.reschedule(loop.time() + left)
