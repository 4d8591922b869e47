"""Stop asking hosts that keep failing: one circuit breaker per host.

It opens after three failed fetches in a row, over all sources, runs and processes, for
5 minutes, doubling up to 6 hours. Then one fetch may try (half-open), and success closes
it. Breakers follow the host asked and not the shared rate limit: one of arXiv's three
interfaces may be down.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from digestd.errors import SourceFailed
from digestd.fetching.body import TooLargeError
from digestd.fetching.host_scheduler import HostUnavailableError, format_time
from digestd.store import hosts
from digestd.store.database import Database


class RefusedError(SourceFailed):
    """The host refuses the request. It is up, so the breaker does not count this."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class CircuitBreaker:
    """Decides whether a host may be asked, and records how fetches went."""

    def __init__(self, db: Database, clock: Callable[[], datetime], seconds: float) -> None:
        self._db = db
        self._clock = clock
        self._probing = timedelta(seconds=seconds)

    async def admit(self, host: str) -> hosts.HostState | None:
        """Return the state of a host that may be asked. Raises HostUnavailableError while the breaker is open."""
        return await asyncio.to_thread(self._admit, host)

    async def record(self, host: str, before: hosts.HostState | None, error: SourceFailed | None) -> None:
        """Record how a fetch went; `error` is None if it succeeded."""
        if isinstance(error, HostUnavailableError | RefusedError | TooLargeError):
            return
        if error is not None or (before is not None and before.failures):
            await asyncio.to_thread(self._record, host, error)

    def _admit(self, host: str) -> hosts.HostState | None:
        now = self._clock()
        with self._db.read() as session:
            state = hosts.by_name(session, host)
        if state is None or state.failures < hosts.FAILURES:
            return state
        if not hosts.is_open(state, now):
            with self._db.write() as session:
                if hosts.acquire_probe(session, host, now, now + self._probing):
                    return state
                state = hosts.by_name(session, host) or state
        until = state.open_until or now
        raise HostUnavailableError(
            f"{host} failed {state.failures} times in a row (last: {state.why}); "
            f"digestd tries it again at {format_time(until)}"
        )

    def _record(self, host: str, error: SourceFailed | None) -> None:
        with self._db.write() as session:
            if error is None:
                hosts.record_success(session, host)
            else:
                hosts.record_failure(session, host, self._clock(), str(error))
