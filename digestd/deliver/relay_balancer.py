"""Which route takes the next mail: each its share, and nobody waits for a route that is slow or stopped."""

import asyncio
from collections.abc import Callable, Sequence

from digestd.transports import Route

SLACK = 4
"""So many mails a route may be ahead of its share: lanes are not to wait for each other at every mail."""
PATIENCE_SECONDS = 0.5


class RelayBalancer:
    """Stride scheduling (Waldspurger and Weihl 1995) over the routes that take mails now."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._weights = {route.name: route.weight for route in routes}
        self._passed = dict.fromkeys(self._weights, 0.0)
        self._out: set[str] = set()
        self._late: set[str] = set()
        self._done: set[str] = set()
        self._over = False
        self._moved = asyncio.Event()

    @property
    def none_left(self) -> bool:
        """Whether every route has stopped."""
        return len(self._out) == len(self._weights)

    def is_out(self, name: str) -> bool:
        """Whether this route has stopped."""
        return name in self._out

    def together(self, rate: Callable[[str], float]) -> float:
        """The rate of all that take mails now; 0 where one has no limit, or none is left."""
        rates = [rate(name) for name in self._weights if name not in self._out]
        return sum(rates) if all(rates) else 0.0

    def stop(self, name: str) -> None:
        """This route takes no mail any more in this run."""
        self._out.add(name)
        self._move()

    def end(self) -> None:
        """The run ends: nobody waits for a turn any more."""
        self._over = True
        self._move()

    def finish(self, name: str) -> None:
        """A lane to this route has found nothing more to take."""
        self._done.add(name)
        self._move()

    def may_take(self, name: str) -> bool:
        """Whether this route's turn has come."""
        others = [other for other in self._weights if other != name and other not in self._out]
        weight = self._weights[name]
        if not weight:
            return not any(self._weights[other] and other not in self._done for other in others)
        waited = [self._passed[o] for o in others if self._weights[o] and o not in self._late]
        return not waited or (self._passed[name] - min(waited)) * weight < SLACK

    def took(self, name: str) -> None:
        """This route has taken a mail. One that was late goes on from where the others are."""
        if name in self._late:
            self._late.discard(name)
            self._passed[name] = max(self._passed.values())
        self._passed[name] += 1 / max(self._weights[name], 1)
        self._move()

    async def turn(self, name: str) -> None:
        """Wait for this route's turn, its stop or the end; what keeps it waiting for long is passed over."""
        while not (self._over or self.is_out(name) or self.may_take(name)):
            try:
                await asyncio.wait_for(self._moved.wait(), PATIENCE_SECONDS if self._weights[name] else None)
            except TimeoutError:
                ahead = self._passed[name]
                self._late |= {other for other, passed in self._passed.items() if passed < ahead}

    def _move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
