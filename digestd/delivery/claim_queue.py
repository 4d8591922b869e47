"""Claim deliveries in batches, hand them out one at a time, and release what is left at the end of a run.

Deliveries to a rate-limited recipient domain wait apart, so that they do not hold up the others.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

from digestd.delivery.rate_limiter import RateLimiter
from digestd.delivery.relay_balancer import RelayBalancer
from digestd.delivery.run_counters import RunCounters
from digestd.domain.delivery import Claim
from digestd.store import ledger
from digestd.store.database import Database
from digestd.store.ledger import queries
from digestd.store.ledger.claim_queue import ClaimOwner

BATCH = 192
"""A multiple of the usual number of workers, so that the last round is as full as the others."""
PART, LEAST = 4, 24
"""At most 1/PART of what is ready is claimed at once, so that a small day is shared between worker processes
(Polychronopoulos and Kuck 1987, guided self-scheduling), but at least LEAST: three per worker."""
BATCH_SECONDS = 600.0
"""At a low rate, at most what can be sent within this time is claimed, far less than a lease."""


class ClaimQueue:
    """The queue that all workers of a run take from.

    Args:
        db: the database with the ledger.
        claimer: in whose name deliveries are claimed.
        prepare: called with each batch, in the thread that claimed it, before any of it is handed out.
        until: returns the instant at which a delivery must be ready to be claimed.
    """

    def __init__(
        self,
        db: Database,
        claimer: ClaimOwner,
        prepare: Callable[[Sequence[Claim]], None],
        until: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._claimer = claimer
        self._prepare = prepare
        self._until = until
        self._left: int | None = None
        self._see_room: Callable[[], None] = lambda: None
        self._limiter = RateLimiter({}, lambda: 0.0)
        self._balancer = RelayBalancer(())
        self._waiting: deque[Claim] = deque()
        self._apart: dict[str, deque[Claim]] = {}
        self._turn = asyncio.Lock()
        self._closing = asyncio.Event()

    def with_limits(self, most: int | None, limiter: RateLimiter, balancer: RelayBalancer) -> "ClaimQueue":
        """Claim at most `most`, and hand out within the limits of `limiter` and `balancer`."""
        self._left, self._limiter, self._balancer = most, limiter, balancer
        return self

    def with_disk_check(self, see_room: Callable[[], None]) -> "ClaimQueue":
        """Stop claiming once this raises."""
        self._see_room = see_room
        return self

    def close(self) -> None:
        """Stop handing out."""
        self._closing.set()
        self._balancer.end()

    async def next(self, route: str, counters: RunCounters) -> Claim | None:
        """Return a claimed delivery for a route, or None if nothing is ready or the route or the run has stopped."""
        await self._balancer.wait_for_turn(route)
        async with self._turn:
            claim = await self._found(route, counters)
        if claim is None:
            return None
        rest = self._limiter.wait(route)
        self._limiter.take(route)
        handed_out = False
        try:
            await self._sleep(rest)
            handed_out = not self._is_over(route)
        finally:
            if not handed_out:
                self._waiting.appendleft(claim)
        return claim if handed_out else None

    def take_ready(self, route: str) -> Claim | None:
        """Return a claimed delivery that may go at once, or None."""
        if self._is_over(route) or self._turn.locked():
            return None
        if not self._balancer.may_take(route) or self._limiter.wait(route) > 0:
            return None
        claim = self._pick()
        if claim is not None:
            self._balancer.took(route)
            self._limiter.take(route)
        return claim

    def release_waiting(self, now: datetime) -> None:
        """Release what was claimed and not handed out."""
        left = [*self._waiting, *(claim for claims in self._apart.values() for claim in claims)]
        self._waiting.clear()
        self._apart.clear()
        self._release(left, now)

    async def _found(self, route: str, counters: RunCounters) -> Claim | None:
        """Return the next one; claim or wait if need be."""
        while not self._is_over(route):
            if (claim := self._pick()) is not None:
                self._balancer.took(route)
                return claim
            if not await asyncio.to_thread(self._claim, counters) and not self._waiting:
                if not self._apart:
                    return None
                await self._sleep(min(map(self._limiter.wait, self._apart)))
        return None

    def _is_over(self, route: str) -> bool:
        return self._closing.is_set() or self._balancer.is_stopped(route)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, at most until the run ends."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), seconds)

    def _pick(self) -> Claim | None:
        """Take a claim that may go now, those that had to wait first."""
        for domain, claims in self._apart.items():
            if not self._limiter.wait(domain):
                self._limiter.take(domain)
                claim = claims.popleft()
                if not claims:
                    del self._apart[domain]
                return claim
        while self._waiting:
            claim = self._waiting.popleft()
            limited = self._limiter.limited_domain(claim.address)
            if limited is None:
                return claim
            if limited not in self._apart and not self._limiter.wait(limited):
                self._limiter.take(limited)
                return claim
            self._apart.setdefault(limited, deque()).append(claim)
        return None

    def _claim(self, counters: RunCounters) -> bool:
        """Claim one batch. Return True if there was anything."""
        self._see_room()
        size = BATCH if self._left is None else min(BATCH, self._left)
        if rate := self._balancer.total_rate(self._limiter.rate):
            size = min(size, max(1, int(BATCH_SECONDS * rate)))
        if size <= 0:
            return False
        now = self._until()
        with self._db.write() as session:
            ledger.force_index_scans(session)
            size = min(size, max(LEAST, queries.count_ready(session, now, PART * BATCH) // PART))
            claimed = ledger.claim(session, self._claimer, size, now, [domain[1:] for domain in self._apart])
        counters.skipped += claimed.skipped
        counters.expired += claimed.expired
        kept, too_many = self._sendable(claimed.claims)
        self._release(too_many, now)
        if self._left is not None:
            self._left -= len(kept)
        self._prepare(kept)
        self._waiting.extend(kept)
        return not claimed.nothing

    def _sendable(self, claims: tuple[Claim, ...]) -> tuple[list[Claim], list[Claim]]:
        """Split claims into those that can go within a lease and those of slow domains that cannot."""
        kept: list[Claim] = []
        too_many: list[Claim] = []
        seen: dict[str, int] = {}
        for claim in claims:
            domain = self._limiter.limited_domain(claim.address)
            if domain is None:
                kept.append(claim)
                continue
            seen[domain] = seen.get(domain, 0) + 1
            fits = seen[domain] <= max(1, int(BATCH_SECONDS * self._limiter.rate(domain)))
            (kept if fits else too_many).append(claim)
        return kept, too_many

    def _release(self, claims: list[Claim], now: datetime) -> None:
        pairs = [(claim.key, claim.attempt) for claim in claims]
        if pairs:
            with self._db.write() as session:
                ledger.release(session, self._claimer.owner, pairs, now)
