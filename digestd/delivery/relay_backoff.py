"""Pause relays after failures; shared by all workers through the database."""

from collections.abc import Callable
from datetime import datetime

import structlog

from digestd.delivery.rate_limiter import RateLimiter
from digestd.delivery.retry import RELAY_BACKOFF
from digestd.domain.throttle import BackoffState
from digestd.errors import DatabaseUnreachable, RelayBusy, RelayFailed
from digestd.store import throttles
from digestd.store.database import Database
from digestd.store.throttles import ThrottleState

log = structlog.get_logger(__name__)


class RelayBackoff:
    """Records failures and recoveries of relays at once, for other workers and the operator."""

    def __init__(self, db: Database, clock: Callable[[], datetime], limiter: RateLimiter) -> None:
        self._db = db
        self._clock = clock
        self._limiter = limiter
        self._started = clock()

    def record_failure(self, route: str, error: RelayFailed, accepted: int) -> int:
        """Pause a relay, longer after each failure in a row.

        Args:
            route: The relay's name.
            error: Why it was stopped.
            accepted: How many mails it accepted in this run; any resets the count of failures.

        Returns:
            The number of failures in a row.
        """
        now = self._clock()
        seconds = max((now - self._started).total_seconds(), 1.0)

        def pause(kept: ThrottleState) -> ThrottleState:
            failures = 1 if accepted else kept.backoff.failures + 1
            until = (now + RELAY_BACKOFF.delay(failures)).timestamp()
            return ThrottleState(kept.throttle, BackoffState(failures, until, str(error)))

        try:
            with self._db.write() as session:
                after = throttles.change(session, {route: pause})[route]
                if isinstance(error, RelayBusy):
                    self._limiter.slow_down(session, route, accepted / seconds)
        except DatabaseUnreachable as unwritten:
            log.warning("relay stopped", relay=route, why=str(error), not_recorded=str(unwritten))
            return 1
        log.warning("relay stopped", relay=route, why=str(error), failures=after.backoff.failures)
        return after.backoff.failures

    def record_success(self, route: str) -> bool:
        """Clear a relay's failures. Return True if there were any."""
        try:
            with self._db.read() as session:
                if not throttles.states(session, [route])[route].backoff.failures:
                    return False
            with self._db.write() as session:
                throttles.change(session, {route: lambda kept: ThrottleState(kept.throttle, BackoffState())})
        except DatabaseUnreachable:
            return False
        log.info("relay resumed", relay=route)
        return True
