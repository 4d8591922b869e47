"""Decide when a relay may send: rate limits, back-off after failures, and the balance between relays.

- `RateLimiter` keeps the rates per relay and per recipient domain; what was used is written to the store.
- `RelayBackoff` pauses a relay after failures, for all workers through the database.
- `RelayBalancer` shares mails between relays by weight without waiting for slow ones. Stride scheduling (Waldspurger
  and Weihl 1995): each mail advances its relay's virtual time by 1 / weight, and the relay that is furthest behind
  goes next.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce

import structlog
from sqlmodel import Session

from digestd.delivery.retry import RELAY_BACKOFF
from digestd.delivery.transports import Route
from digestd.domain.backoff import BackoffState
from digestd.domain.throttle import Throttle
from digestd.errors import DatabaseUnreachable, DomainsBusy, RelayBusy, RelayFailed
from digestd.store import rate_limits
from digestd.store.database import Database
from digestd.store.rate_limits import ThrottleState
from digestd.store.timestamps import from_us

ANY_DOMAIN = "*"
"""Key in the limits for every domain without a limit of its own. Each such domain is limited separately."""
ThrottleChange = Callable[[Throttle], Throttle]
FIRST_DOMAIN_RATE = 2.0
"""Mails per second that a domain is taken to have got, if it got fewer, when it asks for less the first time."""
DOMAINS_MAX = 2_000
"""Slowed domains that are stored; with more, each run finds out for itself."""
_UNUSED = Throttle()
log = structlog.get_logger(__name__)
TURN_SLACK = 4
"""Number of mails that a relay may be ahead of its share, so that workers do not wait for each other at every mail."""
PATIENCE_SECONDS = 0.5
"""A relay that holds others up for longer is left out of the comparison until it takes a mail again."""


class RateLimiter:
    """The throttles of a run.

    What changes here is written to the store with `take_changes` and `write`.

    Args:
        limits: Mails per second by relay name or `@domain`. Absent names are unlimited.
        now: Returns seconds since 1970; must advance even if a test's clock stands still.
    """

    def __init__(self, limits: Mapping[str, float], now: Callable[[], float]) -> None:
        self._limits = {name: rate for name, rate in limits.items() if rate}
        self._any_domain = self._limits.get(f"@{ANY_DOMAIN}", 0.0)
        self._now = now
        self._started = now()
        self._throttles: dict[str, Throttle] = {}
        self._failures: dict[str, int] = {}
        self._changes: dict[str, list[ThrottleChange]] = {}
        self._accepted: Counter[str] = Counter()
        """Mails that each domain accepted in this run."""

    def limited_domain(self, address: str) -> str | None:
        """Return the recipient's domain as `@domain`, or None if it is unlimited."""
        name = f"@{domain_of(address)}"
        return name if self._limit(name) or (name in self._throttles and self.rate(name)) else None

    def is_slowed(self, name: str) -> bool:
        """Return True if the relay or domain asked for fewer mails lately."""
        return self.rate(name) != self._limit(name)

    def rate(self, name: str) -> float:
        """Return the current limit in mails per second; 0 means unlimited."""
        return self._throttle(name).rate(self._limit(name), self._now())

    def wait(self, name: str) -> float:
        """Return the seconds until the next mail may be sent there."""
        return self._throttle(name).wait(self._limit(name), self._now())

    def failures(self, name: str) -> int:
        """Return how often in a row a relay had failed before this run."""
        return self._failures.get(name, 0)

    def take(self, name: str) -> None:
        """Use one mail of the limit, as soon as it is free."""
        if self.rate(name):
            limit, now = self._limit(name), self._now()
            self._change(name, lambda throttle: throttle.taken(1, limit, now))

    def slow_domain(self, address: str) -> None:
        """Halve the rate of a domain that asked for fewer mails.

        An answer that comes within half the present interval between two mails belongs to the last request.
        """
        name, now = f"@{domain_of(address)}", self._now()
        throttle, limit = self._throttle(name), self._limit(name)
        if throttle.lowered and now - throttle.slowed < 0.5 / throttle.lowered:
            return
        seen = max(self._accepted[name] / max(now - self._started, 1.0), FIRST_DOMAIN_RATE)
        self._change(name, lambda throttle: throttle.slowed_after_busy(limit, seen, now))

    def record_accepted(self, address: str) -> None:
        """Count an accepted mail; double the rate of its domain if it is slowed."""
        name = f"@{domain_of(address)}"
        self._accepted[name] += 1
        if name in self._throttles and self._throttles[name].lowered:
            limit, now = self._limit(name), self._now()
            self._change(name, lambda throttle: throttle.raised_after_success(limit, now))

    def take_changes(self) -> dict[str, list[ThrottleChange]]:
        """Return and forget the changes since the last call, to be passed to `write`."""
        changes, self._changes = self._changes, {}
        return changes

    def write(self, session: Session, changes: Mapping[str, Sequence[ThrottleChange]]) -> dict[str, ThrottleState]:
        """Write changes in the caller's transaction. Return the stored throttles, to be passed to `merge`."""

        def changed(some: Sequence[ThrottleChange]) -> Callable[[ThrottleState], ThrottleState]:
            return lambda kept: replace(kept, throttle=reduce(lambda state, step: step(state), some, kept.throttle))

        return rate_limits.change_throttles(session, {name: changed(some) for name, some in changes.items()})

    def merge(self, stored: Mapping[str, ThrottleState]) -> None:
        """Adopt stored throttles where they are stricter.

        Other workers send as well.
        """
        for name, state in stored.items():
            own = self._throttle(name)
            newer = state.throttle if state.throttle.slowed >= own.slowed else own
            free = max(own.free, state.throttle.free)
            self._throttles[name] = Throttle(free, newer.lowered, newer.slowed, newer.before)

    def load(self, session: Session, routes: Iterable[str]) -> None:
        """Load the stored throttles of these relays and of recipient domains."""
        relays = rate_limits.throttle_states(session, routes)
        self._failures = {name: state.backoff.failures for name, state in relays.items()}
        self.merge(relays)
        self.merge(rate_limits.busy_domains(session, from_us(round(self._now() * 1e6)), DOMAINS_MAX))

    def slowed_relay(self, name: str, rate: float, kept: Throttle) -> Throttle:
        """Return the throttle of a relay that asked for fewer mails than the `rate` it was sent per second."""
        return kept.slowed_after_busy(self._limit(name), rate, self._now())

    def _change(self, name: str, change: ThrottleChange) -> None:
        """Change a throttle here, and in the store unless it is one of very many domains."""
        self._throttles[name] = change(self._throttle(name))
        if len(self._throttles) <= DOMAINS_MAX or self._limit(name):
            self._changes.setdefault(name, []).append(change)

    def _limit(self, name: str) -> float:
        return self._limits.get(name, self._any_domain if name.startswith("@") else 0.0)

    def _throttle(self, name: str) -> Throttle:
        return self._throttles.get(name, _UNUSED)


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


class RelayBackoff:
    """Records failures and recoveries of relays at once.

    Other workers and the operator read them.
    """

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
            # domains that have nothing to do with the relay may have asked, so it is tried again soon
            pause = RELAY_BACKOFF.delay(1 if isinstance(error, DomainsBusy) else failures)
            until = (now + pause).timestamp()
            throttle = kept.throttle
            if isinstance(error, RelayBusy):
                throttle = self._limiter.slowed_relay(route, accepted / seconds, throttle)
            return ThrottleState(throttle, BackoffState(failures, until, str(error)))

        try:
            with self._db.write() as session:
                after = rate_limits.change_throttles(session, {route: pause})[route]
        except DatabaseUnreachable as unwritten:
            log.warning("relay stopped", relay=route, why=str(error), not_recorded=str(unwritten))
            return 1
        log.warning("relay stopped", relay=route, why=str(error), failures=after.backoff.failures)
        return after.backoff.failures

    def record_success(self, route: str) -> bool:
        """Clear a relay's failures. Return True if there were any."""
        try:
            with self._db.read() as session:
                if not rate_limits.throttle_states(session, [route])[route].backoff.failures:
                    return False
            with self._db.write() as session:
                rate_limits.change_throttles(
                    session, {route: lambda kept: ThrottleState(kept.throttle, BackoffState())}
                )
        except DatabaseUnreachable:
            return False
        log.info("relay resumed", relay=route)
        return True


class RelayBalancer:
    """Decides which relay sends next in one run."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._weights = {route.name: route.weight for route in routes}
        self._virtual_time = dict.fromkeys(self._weights, 0.0)
        self._stopped: set[str] = set()
        self._slow: set[str] = set()
        self._finished: set[str] = set()
        self._ended = False
        self._changed = asyncio.Event()

    @property
    def all_stopped(self) -> bool:
        return len(self._stopped) == len(self._weights)

    def is_stopped(self, name: str) -> bool:
        return name in self._stopped

    def total_rate(self, rate: Callable[[str], float]) -> float:
        """Return the active relays' total mails per second; 0 if unlimited or none left."""
        rates = [rate(name) for name in self._weights if name not in self._stopped]
        return sum(rates) if all(rates) else 0.0

    def stop(self, name: str) -> None:
        self._stopped.add(name)
        self._notify()

    def end(self) -> None:
        """End the run and release everyone who waits for a turn."""
        self._ended = True
        self._notify()

    def finish(self, name: str) -> None:
        """Note that the workers of this relay found no more mail."""
        self._finished.add(name)
        self._notify()

    def may_take(self, name: str) -> bool:
        """Return True if it is this relay's turn."""
        others = [other for other in self._weights if other != name and other not in self._stopped]
        weight = self._weights[name]
        if not weight:
            return not any(self._weights[other] and other not in self._finished for other in others)
        times = [self._virtual_time[other] for other in others if self._weights[other] and other not in self._slow]
        return not times or (self._virtual_time[name] - min(times)) * weight < TURN_SLACK

    def record_taken(self, name: str) -> None:
        """Note that this relay took a mail. A slow relay rejoins level with the others."""
        if name in self._slow:
            self._slow.discard(name)
            self._virtual_time[name] = max(self._virtual_time.values())
        self._virtual_time[name] += 1 / max(self._weights[name], 1)
        self._notify()

    async def wait_for_turn(self, name: str) -> None:
        """Wait for this relay's turn, its stop or the end of the run."""
        while not (self._ended or self.is_stopped(name) or self.may_take(name)):
            try:
                await asyncio.wait_for(self._changed.wait(), PATIENCE_SECONDS if self._weights[name] else None)
            except TimeoutError:
                ahead = self._virtual_time[name]
                self._slow |= {other for other, time in self._virtual_time.items() if time < ahead}

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
