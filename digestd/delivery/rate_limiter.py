"""Rate limits of a run, per relay and per recipient domain.

What was used is written to the store.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from sqlmodel import Session

from digestd.domain.throttle import Throttle
from digestd.store import throttles
from digestd.store.throttles import ThrottleState
from digestd.store.timestamps import from_us

ANY_DOMAIN = "*"
"""Key in the limits for every domain without a limit of its own. Each such domain is limited separately."""


class RateLimiter:
    """The throttles of a run.

    Args:
        limits: Mails per second by relay name or `@domain`. Absent names are unlimited.
        now: Returns seconds since 1970; must advance even if a test's clock stands still.
    """

    def __init__(self, limits: Mapping[str, float], now: Callable[[], float]) -> None:
        self._limits = {name: rate for name, rate in limits.items() if rate}
        self._any_domain = self._limits.get(f"@{ANY_DOMAIN}", 0.0)
        self._domains = any(name.startswith("@") for name in self._limits)
        self._now = now
        self._throttles: dict[str, Throttle] = {}
        self._used: Counter[str] = Counter()

    def limited_domain(self, address: str) -> str | None:
        """Return the recipient's domain as `@domain`, or None if it is unlimited."""
        if not self._domains:
            return None
        name = f"@{address.rpartition('@')[2].lower()}"
        return name if self._limit(name) else None

    def rate(self, name: str) -> float:
        """Return the current limit in mails per second; 0 means unlimited."""
        return self._throttle(name).rate(self._limit(name), self._now())

    def wait(self, name: str) -> float:
        """Return the seconds until the next mail may be sent there."""
        return self._throttle(name).wait(self._limit(name), self._now())

    def take(self, name: str) -> None:
        """Use one mail of the limit, as soon as it is free."""
        if self.rate(name):
            self._throttles[name] = self._throttle(name).taken(1, self._limit(name), self._now())
            self._used[name] += 1

    def take_used(self) -> dict[str, int]:
        """Return and reset the mails used per name, to be passed to `write`."""
        used, self._used = self._used, Counter()
        return dict(used)

    def write(self, session: Session, used: Mapping[str, int]) -> dict[str, ThrottleState]:
        """Write used mails in the caller's transaction.

        Return the stored throttles, to be passed to `merge`.
        """
        now = self._now()
        return throttles.change(
            session,
            {
                name: lambda kept, name=name, count=count: ThrottleState(  # type: ignore[misc]  # bind per iteration
                    kept.throttle.taken(count, self._limit(name), now), kept.backoff
                )
                for name, count in used.items()
            },
        )

    def merge(self, stored: Mapping[str, ThrottleState]) -> None:
        """Adopt stored throttles where they are stricter, because other workers send as well."""
        for name, standing in stored.items():
            mine = self._throttle(name)
            newer = standing.throttle if standing.throttle.slowed >= mine.slowed else mine
            free = max(mine.free, standing.throttle.free)
            self._throttles[name] = Throttle(free, newer.lowered, newer.slowed, newer.before)

    def load(self, session: Session, routes: Iterable[str]) -> None:
        """Load the stored throttles of these relays and of recipient domains."""
        self.merge(throttles.states(session, routes))
        if self._domains:
            self.merge(throttles.busy_domains(session, from_us(round(self._now() * 1e6))))

    def slow_down(self, session: Session, name: str, rate: float) -> None:
        """Lower a relay's limit after it asked for fewer mails.

        `rate` is what it was sent per second.
        """
        now = self._now()
        self.merge(
            throttles.change(
                session,
                {
                    name: lambda kept: ThrottleState(
                        kept.throttle.asked_for_less(self._limit(name), rate, now), kept.backoff
                    )
                },
            )
        )

    def _limit(self, name: str) -> float:
        return self._limits.get(name, self._any_domain if name.startswith("@") else 0.0)

    def _throttle(self, name: str) -> Throttle:
        return self._throttles.get(name, _NEW)


_NEW = Throttle()
