"""Share mails between relays by weight without waiting for slow ones.

Stride scheduling (Waldspurger and Weihl 1995): each mail advances its relay's virtual time by 1 / weight, and the relay
that is furthest behind goes next.
"""

import asyncio
from collections.abc import Callable, Sequence

from digestd.delivery.transports import Route

SLACK = 4
"""Number of mails that a relay may be ahead of its share, so that workers do not wait for each other at every mail."""
PATIENCE_SECONDS = 0.5
"""A relay that holds others up for longer is left out of the comparison until it takes a mail again."""


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
        """Return True if every relay has stopped."""
        return len(self._stopped) == len(self._weights)

    def is_stopped(self, name: str) -> bool:
        """Return True if this relay has stopped."""
        return name in self._stopped

    def total_rate(self, rate: Callable[[str], float]) -> float:
        """Return the active relays' total mails per second; 0 if unlimited or none left."""
        rates = [rate(name) for name in self._weights if name not in self._stopped]
        return sum(rates) if all(rates) else 0.0

    def stop(self, name: str) -> None:
        """Give this relay no more mail in this run."""
        self._stopped.add(name)
        self._notify()

    def end(self) -> None:
        """End the run and release everyone who waits for a turn."""
        self._ended = True
        self._notify()

    def finish(self, name: str) -> None:
        """Note that a worker of this relay found no more mail."""
        self._finished.add(name)
        self._notify()

    def may_take(self, name: str) -> bool:
        """Return True if it is this relay's turn."""
        others = [other for other in self._weights if other != name and other not in self._stopped]
        weight = self._weights[name]
        if not weight:
            return not any(self._weights[other] and other not in self._finished for other in others)
        times = [self._virtual_time[other] for other in others if self._weights[other] and other not in self._slow]
        return not times or (self._virtual_time[name] - min(times)) * weight < SLACK

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
