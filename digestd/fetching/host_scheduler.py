"""Decide when a host may be asked, over all processes and restarts, in the store.

- `HostScheduler` spaces requests. A host that must be asked alone (arXiv's terms: one connection at a time) is also
  held, from before the request to after the answer; the hold of a process that dies expires. The next turn counts from
  the start of the answer, as requests differ in latency.
- `requested_pause` reads from the headers how many seconds the host wants no further request.
- `CircuitBreaker` stops asking a host that keeps failing. It opens after three failed fetches in a row, over all
  sources, runs and processes, for 5 minutes, doubling up to 6 hours. Then one fetch may try (half-open), and success
  closes it. Breakers follow the host asked and not the shared rate limit: one of arXiv's three interfaces may be down.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import uuid4

from digestd.errors import SourceFailed, SourceUnavailable
from digestd.fetching.body import TooLargeError
from digestd.sources.source import RateLimit
from digestd.store import rate_limits
from digestd.store.database import Database

RETRY_STATUSES = frozenset({429, 500, 502, 503, 504})
"""Statuses after which asking again may help; Retry-After counts with these."""
EPOCH_MIN = 1_000_000_000
"""A reset from here on is an instant, in seconds since 1970; below, seconds from now."""
_NUMBER = re.compile(r"\s*(-?\d+(?:\.\d*)?)\s*(?:[,;]|$)", re.ASCII)
_QUOTA = re.compile(r";\s*([rt])=(-?\d{1,9})", re.ASCII)
POLL_SECONDS = 0.2
"""Interval at which a waiting process checks whether a host is free."""
HOLD_SLACK = 2.0
"""A hold outlives the request's deadline by so many seconds: giving up takes a moment too."""


class HostUnavailableError(SourceFailed):
    """A host must not be asked now; this does not count against it."""


class HostHeldError(HostUnavailableError, SourceUnavailable):
    """Another process is asking the host."""


class RefusedError(SourceFailed):
    """The host refuses the request. It is up, so the breaker does not count this."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


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
        """Wait for a turn, and end it after the block.

        Waiting does not count towards the deadline.

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
            until = now + min(timedelta(seconds=min(pause, 1e6)), rate_limits.HOST_HORIZON)
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
                raise HostUnavailableError(f"{rate_limit.host} is rate-limited until {format_time(turn)}")
            await asyncio.sleep(max(0.0, wait))
        except BaseException:
            if rate_limit.exclusive:
                await asyncio.to_thread(self._release, rate_limit.host, self._clock())
            raise

    async def _hold(self, host: str) -> None:
        """Retry until nobody else holds the host."""
        for _try in range(max(1, round(self._patience / POLL_SECONDS))):
            if await asyncio.to_thread(self._take, host):
                return
            await asyncio.sleep(POLL_SECONDS)
        raise HostHeldError(f"{host} is being asked by another process")

    def _take(self, host: str) -> bool:
        """Hold a host for as long as waiting for the slot and the request may take."""
        now = self._clock()
        with self._db.read() as session:
            if rate_limits.is_host_locked(session, host, now):
                return False
        with self._db.write() as session:
            return rate_limits.lock_host(
                session, host, self._holder, now, now + timedelta(seconds=2 * self._seconds + HOLD_SLACK)
            )

    def _reserve(self, rate_limit: RateLimit, now: datetime) -> datetime:
        """Reserve the time slot before using it, so that no other process takes it."""
        with self._db.write() as session:
            return rate_limits.reserve_request(session, rate_limit.host, now, rate_limit.seconds)

    def _release(self, host: str, following: datetime) -> None:
        with self._db.write() as session:
            rate_limits.unlock_host(session, host, self._holder, following)

    def _postpone(self, host: str, until: datetime) -> None:
        with self._db.write() as session:
            rate_limits.postpone_requests(session, host, until)


class CircuitBreaker:
    """Decides whether a host may be asked, and records how fetches went."""

    def __init__(self, db: Database, clock: Callable[[], datetime], seconds: float) -> None:
        self._db = db
        self._clock = clock
        self._probing = timedelta(seconds=seconds)

    async def admit(self, host: str) -> rate_limits.HostState | None:
        """Return the state of a host that may be asked. Raises HostUnavailableError while the breaker is open."""
        return await asyncio.to_thread(self._admit, host)

    async def record(self, host: str, before: rate_limits.HostState | None, error: SourceFailed | None) -> None:
        """Record how a fetch went; `error` is None if it succeeded."""
        if isinstance(error, HostUnavailableError | RefusedError | TooLargeError):
            return
        if error is not None or (before is not None and before.failures):
            await asyncio.to_thread(self._record, host, error)

    def _admit(self, host: str) -> rate_limits.HostState | None:
        now = self._clock()
        with self._db.read() as session:
            state = rate_limits.host_state(session, host)
        if state is None or state.failures < rate_limits.HOST_FAILURES:
            return state
        if not rate_limits.is_circuit_open(state, now):
            with self._db.write() as session:
                if rate_limits.acquire_probe(session, host, now, now + self._probing):
                    return state
                state = rate_limits.host_state(session, host) or state
        until = state.open_until or now
        raise HostUnavailableError(
            f"{host} failed {state.failures} times in a row (last: {state.why}); "
            f"digestd tries it again at {format_time(until)}"
        )

    def _record(self, host: str, error: SourceFailed | None) -> None:
        with self._db.write() as session:
            if error is None:
                rate_limits.record_host_success(session, host)
            else:
                rate_limits.record_host_failure(session, host, self._clock(), str(error))


def requested_pause(status: int, headers: Mapping[str, str], now: datetime) -> float:
    """Return the seconds without a further request that the host asks for, or 0.

    Retry-After (RFC 9110, 10.2.3) counts with a status that may pass. Quotas count once they are used up: RateLimit
    (draft-ietf-httpapi-ratelimit-headers, as Hugging Face sends it) and …RateLimit-Remaining with -Reset, in seconds
    or as an instant (GitHub). Backoff always counts (Zotero). Instants are by the clock of the host, if it tells the
    time. Names of headers are lower case.
    """
    now = _instant(headers.get("date", "")) or now
    pauses = [0.0, _seconds(headers.get("backoff", ""), now)]
    if status in RETRY_STATUSES:
        pauses.append(_seconds(headers.get("retry-after", ""), now))
    for quota in headers.get("ratelimit", "").split(","):
        given = {name: float(number) for name, number in _QUOTA.findall(quota)}
        pauses.append(given.get("t", 0.0) if given.get("r", 1.0) <= 0 else 0.0)
    for prefix in ("ratelimit", "x-ratelimit", "x-rate-limit"):
        remaining = _number(headers.get(f"{prefix}-remaining", ""))
        if remaining is not None and remaining <= 0:
            reset = _seconds(headers.get(f"{prefix}-reset", ""), now)
            pauses.append(reset - now.timestamp() if reset >= EPOCH_MIN else reset)
    return max(pauses)


def format_time(instant: datetime) -> str:
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


def _seconds(text: str, now: datetime) -> float:
    """Return a number of seconds, or the seconds until a date; 0 for anything else."""
    if (number := _number(text)) is not None:
        return number
    until = _instant(text)
    return 0.0 if until is None else (until - now).total_seconds()


def _number(text: str) -> float | None:
    """Return the first number of a header, or None if it starts with anything else."""
    found = _NUMBER.match(text)
    return float(found[1][:15]) if found else None


def _instant(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
