"""The supply of a run: claims in batches, hands out one at a time, gives back what is left."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime

from digestd.deliver.composer import Composer
from digestd.deliver.tally import Tally
from digestd.domain.delivery import Claim
from digestd.store import ledger
from digestd.store.database import Database
from digestd.store.ledger import Claimer

BATCH = 200
BATCH_SECONDS = 600.0
"""At a low rate, no more is claimed than is sent within this: far less than a lease."""


class Supply:
    """What the lanes pull from. `until`: what is ready at the instant it tells is claimed."""

    def __init__(self, db: Database, claimer: Claimer, composer: Composer, until: Callable[[], datetime]) -> None:
        self._db = db
        self._claimer = claimer
        self._composer = composer
        self._until = until
        self._left: int | None = None
        self._pause = 0.0
        self._free_at = 0.0
        self._waiting: deque[Claim] = deque()
        self._turn = asyncio.Lock()
        self._closed = False

    def limit(self, most: int | None, rate: float = 0) -> None:
        """Claim at most `most` from now on, and hand out at most `rate` a second (0: no limit)."""
        self._left = most
        self._pause = 1 / rate if rate else 0.0

    def close(self) -> None:
        """Hand out nothing more."""
        self._closed = True

    async def next(self, tally: Tally) -> Claim | None:
        """A claimed delivery, or None when nothing is ready or the supply is closed."""
        async with self._turn:
            while not self._waiting and not self._closed:
                if not await asyncio.to_thread(self._claim, tally):
                    return None
            if self._closed or not self._waiting:
                return None
            await self._paced()
            return None if self._closed else self._waiting.popleft()

    def at_hand(self) -> Claim | None:
        """A claimed delivery that may go at once, without waiting for any."""
        if self._closed or self._pause or not self._waiting or self._turn.locked():
            return None
        return self._waiting.popleft()

    def give_back(self, now: datetime) -> None:
        """Release what was claimed and not handed out."""
        pairs = [(claim.key, claim.attempt) for claim in self._waiting]
        self._waiting.clear()
        if pairs:
            with self._db.write() as session:
                ledger.release(session, self._claimer.owner, pairs, now)

    async def _paced(self) -> None:
        loop_time = asyncio.get_running_loop().time
        if self._pause:
            await asyncio.sleep(max(0.0, self._free_at - loop_time()))
            self._free_at = max(loop_time(), self._free_at) + self._pause

    def _claim(self, tally: Tally) -> bool:
        """Claim one batch; whether there was anything."""
        size = BATCH if self._left is None else min(BATCH, self._left)
        if self._pause:
            size = min(size, max(1, int(BATCH_SECONDS / self._pause)))
        if size <= 0:
            return False
        with self._db.write() as session:
            claimed = ledger.claim(session, self._claimer, size, self._until())
        tally.skipped += claimed.skipped
        tally.expired += claimed.expired
        if self._left is not None:
            self._left -= len(claimed.claims)
        self._composer.prepare(claimed.claims)
        self._waiting.extend(claimed.claims)
        return not claimed.nothing
