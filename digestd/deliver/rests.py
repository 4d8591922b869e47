"""Which routes rest, as the whole house knows it: a route that fails is left alone, longer each time."""

from collections.abc import Callable
from datetime import datetime

import structlog

from digestd.deliver.pace import Pace
from digestd.errors import DatabaseUnreachable, RelayBusy, RelayFailed
from digestd.retry import lane_wait
from digestd.store import throttles
from digestd.store.database import Database
from digestd.store.throttles import ThrottleState
from digestd.throttle import Rest

log = structlog.get_logger(__name__)


class Rests:
    """Writes down how routes fare, each at once, so that other workers and the operator know."""

    def __init__(self, db: Database, clock: Callable[[], datetime], pace: Pace) -> None:
        self._db = db
        self._clock = clock
        self._pace = pace
        self._began = clock()

    def failed(self, route: str, error: RelayFailed, accepted: int) -> int:
        """A lane to the route has stopped, after so many mails that it took in this run; how often in a row."""
        now = self._clock()
        seconds = max((now - self._began).total_seconds(), 1.0)

        def rest(kept: ThrottleState) -> ThrottleState:
            failures = 1 if accepted else kept.rest.failures + 1
            return ThrottleState(kept.throttle, Rest(failures, (now + lane_wait(failures)).timestamp(), str(error)))

        try:
            with self._db.write() as session:
                after = throttles.change(session, {route: rest})[route]
                if isinstance(error, RelayBusy):
                    self._pace.asked_for_less(session, route, accepted / seconds)
        except DatabaseUnreachable as unwritten:
            log.warning("lane stopped", relay=route, why=str(error), unwritten=str(unwritten))
            return 1
        log.warning("lane stopped", relay=route, why=str(error), failures=after.rest.failures)
        return after.rest.failures

    def served(self, route: str) -> bool:
        """The route takes mails; whether it had failed before."""
        try:
            with self._db.read() as session:
                if not throttles.states(session, [route])[route].rest.failures:
                    return False
            with self._db.write() as session:
                throttles.change(session, {route: lambda kept: ThrottleState(kept.throttle, Rest())})
        except DatabaseUnreachable:
            return False
        log.info("lane goes on", relay=route)
        return True
