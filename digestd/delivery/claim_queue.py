"""Claim deliveries in batches, hand them out, and release the rest at the end.

The next batch is claimed while workers still take from this one, so that none has to wait.

Deliveries to a rate-limited recipient domain wait in a separate queue, so that they do not delay the others. Those to
a domain that asked for fewer mails go back to the ledger until their turn.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from digestd.delivery.attempt_recorder import AttemptRecorder
from digestd.delivery.relays import RateLimiter, RelayBalancer
from digestd.domain.delivery import Claim
from digestd.errors import DatabaseUnreachable
from digestd.store import ledger
from digestd.store.database import Database
from digestd.store.ledger import queries, restore
from digestd.store.ledger.claim_queue import ClaimOwner

log = structlog.get_logger(__name__)
BATCH = 192
PART, MIN_BATCH = 4, 24
"""At most 1/PART of the ready deliveries is claimed at once, so that worker processes share a small day
(guided self-scheduling, Polychronopoulos and Kuck 1987), but at least MIN_BATCH: three per worker."""
LOOK_SECONDS = 5.0
"""Interval of looking for other mails while all that are claimed wait for their domains."""
BATCH_SECONDS = 600.0
"""At a low rate, only what can be sent within this time is claimed: far less than a lease."""
PUT_OFF_SECONDS = 3_600.0
"""The longest that a mail waits for its domain until its turn is computed again."""


@dataclass(frozen=True, slots=True)
class ClaimScope:
    """Limit what a run may claim.

    Attributes:
        claimer: Owner of the leases.
        ready_by: Returns the time by which a delivery must be ready.
        check_disk: Called before each claim; an error stops claiming.
        server: Nothing is claimed once the database is no longer on this server (see store.ledger.restore).
        most: The maximum number of claims, or None.
        only: These deliveries and no others; all if there are none.
    """

    db: Database
    claimer: ClaimOwner
    ready_by: Callable[[], datetime]
    check_disk: Callable[[], None]
    server: str = ""
    most: int | None = None
    only: Collection[int] = ()


class ClaimQueue:
    """The queue that all workers of a run take from.

    Args:
        prepare: Called with each batch in the thread that claimed it, before any of it is handed out.
        recorder: Counts what is closed unsent, and records what must wait for its domain.
    """

    def __init__(
        self,
        scope: ClaimScope,
        limiter: RateLimiter,
        balancer: RelayBalancer,
        prepare: Callable[[Sequence[Claim]], None],
        recorder: AttemptRecorder,
    ) -> None:
        self._scope = scope
        self._db = scope.db
        self._limiter = limiter
        self._balancer = balancer
        self._prepare = prepare
        self._recorder = recorder
        self._most = scope.most
        self._claimed = 0
        self._postponed: Counter[str] = Counter()
        self._postponed_total = 0
        self._waiting: deque[Claim] = deque()
        self._limited: dict[str, deque[Claim]] = {}
        self._lock = asyncio.Lock()
        self._refill: asyncio.Task[bool] | None = None
        self._refill_below = 0
        self._closing = asyncio.Event()

    def close(self) -> None:
        self._closing.set()
        self._balancer.end()

    async def next(self, route: str) -> Claim | None:
        """Return a claim for a route, or None if nothing is ready or it has stopped."""
        await self._balancer.wait_for_turn(route)
        async with self._lock:
            claim = await self._take_or_claim(route)
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
        """Return a claimed delivery that may be sent at once, or None."""
        if self._is_over(route) or self._lock.locked():
            return None
        if not self._balancer.may_take(route) or self._limiter.wait(route) > 0:
            return None
        claim = self._take()
        if claim is not None:
            self._balancer.record_taken(route)
            self._limiter.take(route)
        return claim

    def give_back(self, claim: Claim) -> None:
        """Take a claim back that its worker did not offer to a relay; another worker gets it."""
        self._waiting.appendleft(claim)

    def has_waiting(self, route: str) -> bool:
        """Return True if something is claimed that a route may take."""
        return bool(self._waiting or self._limited) and not self._is_over(route)

    async def release_waiting(self, now: datetime) -> None:
        """Release the claims that were not handed out."""
        await asyncio.gather(*([self._refill] if self._refill else []), return_exceptions=True)
        left = [*self._waiting, *(claim for claims in self._limited.values() for claim in claims)]
        self._waiting.clear()
        self._limited.clear()
        await asyncio.to_thread(self._release, left, now)

    async def _take_or_claim(self, route: str) -> Claim | None:
        """Return the next claim; claim a batch or wait if necessary."""
        while not self._is_over(route):
            if (claim := self._take()) is not None:
                self._balancer.record_taken(route)
                return claim
            if not await asyncio.shield(self._start_refill()) and not self._waiting:
                if not self._limited:
                    return None
                await self._sleep(min(LOOK_SECONDS, *map(self._limiter.wait, self._limited)))
        return None

    def _start_refill(self) -> asyncio.Task[bool]:
        """Return the task that claims a batch, started if none is running; one that failed fails every worker."""
        if self._refill is None or (self._refill.done() and not self._refill.exception()):
            without = [domain[1:] for domain in self._limited]
            self._refill = asyncio.create_task(asyncio.to_thread(self._claim, without))
        return self._refill

    def _is_over(self, route: str) -> bool:
        return self._closing.is_set() or self._balancer.is_stopped(route)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, at most until the run ends."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), seconds)

    def _take(self) -> Claim | None:
        """Take a claim that may be sent now, rate-limited ones first."""
        if (claim := self._take_limited()) is not None:
            return claim
        while self._waiting:
            claim = self._waiting.popleft()
            if len(self._waiting) < self._refill_below:
                self._start_refill()
            domain = self._limiter.limited_domain(claim.address)
            if domain is None or self._may_send(claim, domain):
                return claim
        return None

    def _take_limited(self) -> Claim | None:
        for domain, claims in self._limited.items():
            if not self._limiter.wait(domain):
                self._limiter.take(domain)
                claim = claims.popleft()
                if not claims:
                    del self._limited[domain]
                return claim
        return None

    def _may_send(self, claim: Claim, domain: str) -> bool:
        """Return True if a mail to a limited domain may be sent now; else keep or postpone it."""
        if domain not in self._limited and not self._limiter.wait(domain):
            self._limiter.take(domain)
            return True
        if self._limiter.is_slowed(domain):
            self._postpone(claim, domain)
        else:
            self._limited.setdefault(domain, deque()).append(claim)
        return False

    def _postpone(self, claim: Claim, domain: str) -> None:
        """Put off a mail to a domain that asked for fewer mails, each of them by one interval more."""
        wait = self._limiter.wait(domain) + self._postponed[domain] / self._limiter.rate(domain)
        self._postponed[domain] += 1
        self._postponed_total += 1
        self._recorder.record_put_off(claim, min(wait, PUT_OFF_SECONDS))

    def _claim(self, without: Sequence[str]) -> bool:
        """Claim one batch, nothing to the domains `without`. Return True if there was anything."""
        self._refill_below = 0
        self._scope.check_disk()
        size = BATCH if self._most is None else min(BATCH, self._most - self._claimed + self._postponed_total)
        if rate := self._balancer.total_rate(self._limiter.rate):
            size = min(size, max(1, int(BATCH_SECONDS * rate)))
        if size <= 0:
            return False
        now = self._scope.ready_by()
        if self._scope.only:
            return self._claim_only(now)
        with self._db.write() as session:
            restore.require_server(session, self._scope.server)
            ledger.force_index_scans(session)
            size = min(size, max(MIN_BATCH, queries.count_ready(session, now, PART * BATCH) // PART))
            claimed = ledger.claim(session, self._scope.claimer, size, now, without)
        self._recorder.counters.skipped += claimed.skipped
        self._recorder.counters.expired += claimed.expired
        kept, too_many = self._split_by_rate(claimed.claims)
        self._release(too_many, now)
        self._claimed += len(kept)
        self._prepare_batch(kept)
        self._waiting.extend(kept)
        self._refill_below = len(kept) // 2
        return not claimed.nothing

    def _claim_only(self, now: datetime) -> bool:
        """Claim the deliveries that were asked for, once."""
        with self._db.write() as session:
            claims = ledger.claim_these(session, self._scope.claimer, self._scope.only, now)
        self._most, self._claimed = 0, len(claims)  # a deferred one waits for its time, as any other
        self._prepare_batch(claims)
        self._waiting.extend(claims)
        return bool(claims)

    def _prepare_batch(self, claims: Sequence[Claim]) -> None:
        try:
            self._prepare(claims)
        except DatabaseUnreachable:
            raise
        except Exception as error:  # what each needs is read when it is composed, and only the damaged one fails
            log.exception("cannot prepare a batch", kind=type(error).__name__)

    def _split_by_rate(self, claims: tuple[Claim, ...]) -> tuple[list[Claim], list[Claim]]:
        """Split claims into those that can be sent within a lease and the rest."""
        within_limit: list[Claim] = []
        too_many: list[Claim] = []
        seen: dict[str, int] = {}
        for claim in claims:
            domain = self._limiter.limited_domain(claim.address)
            if domain is None or self._limiter.is_slowed(domain):
                within_limit.append(claim)
                continue
            seen[domain] = seen.get(domain, 0) + 1
            fits = seen[domain] <= max(1, int(BATCH_SECONDS * self._limiter.rate(domain)))
            (within_limit if fits else too_many).append(claim)
        return within_limit, too_many

    def _release(self, claims: list[Claim], now: datetime) -> None:
        pairs = [(claim.key, claim.attempt) for claim in claims]
        if pairs:
            with self._db.write() as session:
                ledger.release(session, self._scope.claimer.owner, pairs, now)
