"""How fast this run may send, to each route and to each recipient domain; what was sent goes to the store."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from sqlmodel import Session

from digestd.store import throttles
from digestd.store.throttles import ThrottleState
from digestd.store.timestamps import from_us
from digestd.throttle import Throttle

EVERY_OTHER = "*"
"""In the limits: any domain that is not named, each for itself."""


class Pace:
    """The throttles of a run. `limits`: mails a second by route name or `@domain`; what is absent has none.

    `now`: seconds since 1970, running also where the clock of a test stands.
    """

    def __init__(self, limits: Mapping[str, float], now: Callable[[], float]) -> None:
        self._limits = {name: rate for name, rate in limits.items() if rate}
        self._any_domain = self._limits.get(f"@{EVERY_OTHER}", 0.0)
        self._domains = any(name.startswith("@") for name in self._limits)
        self._now = now
        self._throttles: dict[str, Throttle] = {}
        self._taken: Counter[str] = Counter()

    def limited_domain(self, address: str) -> str | None:
        """The recipient's domain as a name here, if it has a limit."""
        if not self._domains:
            return None
        name = f"@{address.rpartition('@')[2].lower()}"
        return name if self._limit(name) else None

    def rate(self, name: str) -> float:
        """Mails a second that may go there now; 0: no limit."""
        return self._throttle(name).rate(self._limit(name), self._now())

    def wait(self, name: str) -> float:
        """Seconds until a mail may go there."""
        return self._throttle(name).wait(self._limit(name), self._now())

    def take(self, name: str) -> None:
        """A mail goes there as soon as it may."""
        if self.rate(name):
            self._throttles[name] = self._throttle(name).taken(1, self._limit(name), self._now())
            self._taken[name] += 1

    def know(self, kept: Mapping[str, ThrottleState]) -> None:
        """Take over what is kept, where it is stricter: other workers send as well."""
        for name, standing in kept.items():
            mine = self._throttle(name)
            newer = standing.throttle if standing.throttle.slowed >= mine.slowed else mine
            free = max(mine.free, standing.throttle.free)
            self._throttles[name] = Throttle(free, newer.lowered, newer.slowed, newer.before)

    def spent(self) -> dict[str, int]:
        """What was taken since it was last asked for, to be `write`n."""
        taken, self._taken = self._taken, Counter()
        return dict(taken)

    def write(self, session: Session, spent: Mapping[str, int]) -> dict[str, ThrottleState]:
        """Keep what was taken, in the caller's write transaction; what is kept then, to be `know`n."""
        now = self._now()
        return throttles.change(
            session,
            {
                name: lambda kept, name=name, count=count: ThrottleState(  # type: ignore[misc]  # bound early, each its own
                    kept.throttle.taken(count, self._limit(name), now), kept.rest
                )
                for name, count in spent.items()
            },
        )

    def read(self, session: Session, routes: Iterable[str]) -> None:
        """Begin with what is kept of these, and of the recipient domains."""
        self.know(throttles.states(session, routes))
        if self._domains:
            self.know(throttles.busy_domains(session, from_us(round(self._now() * 1e6))))

    def asked_for_less(self, session: Session, name: str, seen: float) -> None:
        """A relay asks for less of everything; `seen`: mails a second that it was sent of late."""
        now = self._now()
        self.know(
            throttles.change(
                session,
                {
                    name: lambda kept: ThrottleState(
                        kept.throttle.asked_for_less(self._limit(name), seen, now), kept.rest
                    )
                },
            )
        )

    def _limit(self, name: str) -> float:
        return self._limits.get(name, self._any_domain if name.startswith("@") else 0.0)

    def _throttle(self, name: str) -> Throttle:
        return self._throttles.get(name, _NEW)


_NEW = Throttle()
