"""The supply of a run: claims in batches, hands out one at a time, gives back what is left.

What goes to a recipient domain with a limit waits apart, so that it holds up nobody else.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from datetime import datetime

from digestd.deliver.composer import Composer
from digestd.deliver.pace import Pace
from digestd.deliver.shares import Shares
from digestd.deliver.tally import Tally
from digestd.domain.delivery import Claim
from digestd.store import ledger
from digestd.store.database import Database
from digestd.store.ledger import Claimer, queries

BATCH = 192
"""Held composed: some 10 MB; by halves each mail would cost a twentieth more. A multiple of the lanes there mostly are:
the last round is as full as the others."""
PART, LEAST = 4, 24
"""Of what is ready no more than such a part is claimed at once, so that a small day is shared with the other workers
(Polychronopoulos and Kuck 1987, guided self-scheduling); but so many are: three to each lane there mostly is."""
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
        self._see_room: Callable[[], None] = lambda: None
        self._pace = Pace({}, lambda: 0.0)
        self._shares = Shares(())
        self._waiting: deque[Claim] = deque()
        self._apart: dict[str, deque[Claim]] = {}
        self._turn = asyncio.Lock()
        self._closing = asyncio.Event()

    def bounded(self, most: int | None, pace: Pace, shares: Shares) -> "Supply":
        """Claim at most `most`, and hand out as `pace` and `shares` say."""
        self._left, self._pace, self._shares = most, pace, shares
        return self

    def watching(self, see_room: Callable[[], None]) -> "Supply":
        """Claim nothing once this raises."""
        self._see_room = see_room
        return self

    def close(self) -> None:
        """Hand out nothing more."""
        self._closing.set()
        self._shares.end()

    async def next(self, route: str, tally: Tally) -> Claim | None:
        """A claimed delivery for a route, or None when nothing is ready, the route or the run has stopped."""
        await self._shares.turn(route)
        async with self._turn:
            claim = await self._found(route, tally)
        if claim is None:
            return None
        rest = self._pace.wait(route)
        self._pace.take(route)
        handed_out = False
        try:
            await self._sleep(rest)
            handed_out = not self._is_over(route)
        finally:
            if not handed_out:
                self._waiting.appendleft(claim)
        return claim if handed_out else None

    def at_hand(self, route: str) -> Claim | None:
        """A claimed delivery that may go at once, without waiting for any."""
        if self._is_over(route) or self._turn.locked():
            return None
        if not self._shares.may_take(route) or self._pace.wait(route) > 0:
            return None
        claim = self._pick()
        if claim is not None:
            self._shares.took(route)
            self._pace.take(route)
        return claim

    def give_back(self, now: datetime) -> None:
        """Release what was claimed and not handed out."""
        left = [*self._waiting, *(claim for claims in self._apart.values() for claim in claims)]
        self._waiting.clear()
        self._apart.clear()
        self._release(left, now)

    async def _found(self, route: str, tally: Tally) -> Claim | None:
        """The next one, claimed or waited for where need be."""
        while not self._is_over(route):
            if (claim := self._pick()) is not None:
                self._shares.took(route)
                return claim
            if not await asyncio.to_thread(self._claim, tally) and not self._waiting:
                if not self._apart:
                    return None
                await self._sleep(min(map(self._pace.wait, self._apart)))
        return None

    def _is_over(self, route: str) -> bool:
        return self._closing.is_set() or self._shares.is_out(route)

    async def _sleep(self, seconds: float) -> None:
        """Rest, at most until the run ends."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), seconds)

    def _pick(self) -> Claim | None:
        """One that may go now: of those that had to wait first."""
        for domain, claims in self._apart.items():
            if not self._pace.wait(domain):
                self._pace.take(domain)
                claim = claims.popleft()
                if not claims:
                    del self._apart[domain]
                return claim
        while self._waiting:
            claim = self._waiting.popleft()
            limited = self._pace.limited_domain(claim.address)
            if limited is None:
                return claim
            if limited not in self._apart and not self._pace.wait(limited):
                self._pace.take(limited)
                return claim
            self._apart.setdefault(limited, deque()).append(claim)
        return None

    def _claim(self, tally: Tally) -> bool:
        """Claim one batch; whether there was anything."""
        self._see_room()
        size = BATCH if self._left is None else min(BATCH, self._left)
        if rate := self._shares.together(self._pace.rate):
            size = min(size, max(1, int(BATCH_SECONDS * rate)))
        if size <= 0:
            return False
        now = self._until()
        with self._db.write() as session:
            ledger.force_index_scans(session)
            size = min(size, max(LEAST, queries.count_ready(session, now, PART * BATCH) // PART))
            claimed = ledger.claim(session, self._claimer, size, now, [domain[1:] for domain in self._apart])
        tally.skipped += claimed.skipped
        tally.expired += claimed.expired
        kept, too_many = self._sendable(claimed.claims)
        self._release(too_many, now)
        if self._left is not None:
            self._left -= len(kept)
        self._composer.prepare(kept)
        self._composer.compose_ahead(kept)
        self._waiting.extend(kept)
        return not claimed.nothing

    def _sendable(self, claims: tuple[Claim, ...]) -> tuple[list[Claim], list[Claim]]:
        """Those that can go within a lease, and those of slow domains that cannot."""
        kept: list[Claim] = []
        too_many: list[Claim] = []
        seen: dict[str, int] = {}
        for claim in claims:
            domain = self._pace.limited_domain(claim.address)
            if domain is None:
                kept.append(claim)
                continue
            seen[domain] = seen.get(domain, 0) + 1
            fits = seen[domain] <= max(1, int(BATCH_SECONDS * self._pace.rate(domain)))
            (kept if fits else too_many).append(claim)
        return kept, too_many

    def _release(self, claims: list[Claim], now: datetime) -> None:
        pairs = [(claim.key, claim.attempt) for claim in claims]
        if pairs:
            with self._db.write() as session:
                ledger.release(session, self._claimer.owner, pairs, now)
