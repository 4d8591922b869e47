"""Deliver over every relay until nothing is ready or the run is stopped.

Before a run claims anything, it checks the operator's templates and settings with invented mails (see `preflight`), and
claims no mails of a kind that fails. It also checks the free disk space (see `disk_space`), before and during the run.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random

import structlog

from digestd.delivery.alert import SendAlert, no_alert
from digestd.delivery.attempt_recorder import AttemptRecorder, PendingRefusals, RunCounters
from digestd.delivery.claim_queue import ClaimQueue, ClaimScope
from digestd.delivery.composer import Composer, Sender
from digestd.delivery.disk_space import check_disk_space
from digestd.delivery.group_commit import GroupCommit
from digestd.delivery.journals import open_result_journal, open_sent_journal
from digestd.delivery.preflight import HeldMails, find_held
from digestd.delivery.reconcile import RelayLog
from digestd.delivery.recovery import RestoreGuard
from digestd.delivery.relays import RateLimiter, RelayBackoff, RelayBalancer
from digestd.delivery.sending_worker import SendingContext, WorkerPool
from digestd.delivery.transports import Route
from digestd.mail.templates import Templates
from digestd.security.addresses import make_envelope_from
from digestd.store.database import Database
from digestd.store.ledger import queries
from digestd.store.ledger.claim_queue import ClaimOwner
from digestd.tracing import span

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryConfig:
    """The parts of one delivery run.

    Attributes:
        sender: The sender's addresses, keys and links.
        templates: The templates in force.
        owner: The name of this run in the ledger, locked while the run lives.
        rng: Source of randomness for retry delays.
        journals: Folder of the result journal and the sent journal.
        machine: Name of this machine, or empty if it has none.
        relay_log: The log of the relay, if it can be read.
        connections: The maximum number of connections to each relay.
        limits: Mails per second, by route name or by `@domain`.
        send_alert: Called when a relay stops or resumes.
    """

    db: Database
    sender: Sender
    templates: Templates
    routes: tuple[Route, ...]
    owner: str
    clock: Callable[[], datetime]
    rng: Random
    journals: Path
    machine: str = ""
    relay_log: RelayLog | None = None
    connections: int = 100
    limits: Mapping[str, float] = field(default_factory=dict)
    send_alert: SendAlert = no_alert

    @property
    def guard(self) -> RestoreGuard:
        return RestoreGuard(self.db, self.sender.keys, self.journals, self.machine, self.relay_log)


async def deliver(  # what a run may be limited by
    config: DeliveryConfig,
    *,
    drain: bool = True,
    limit: int | None = None,
    only: Collection[int] = (),
    stop: asyncio.Event | None = None,
    counters: RunCounters | None = None,
) -> RunCounters:
    """Send what is ready; return the counters.

    Args:
        config: The parts of this run.
        drain: Also send what becomes ready during the run.
        limit: Send at most this many mails.
        only: Send these deliveries and no others, whatever their retry delay.
        stop: When set, start no new mail and wait STOP_SECONDS for open answers.
        counters: Updated during the run, for a progress display.

    Raises:
        DiskFull: There is too little space to record results, before or during the run.
        NotResumed: The database or the sent journal was put back, or is on another machine.
    """
    folders = [config.journals, *([config.db.file.parent] if config.db.file else [])]
    check_space = partial(check_disk_space, folders)
    check_space()
    server = await asyncio.to_thread(config.guard.check, config.clock())
    counters = counters or RunCounters()
    started = config.clock()
    if not only and not await asyncio.to_thread(_is_any_ready, config.db, started):
        return counters  # before the templates are checked, which takes a second
    limiter = await asyncio.to_thread(_load_rate_limiter, config, started, asyncio.get_running_loop())
    balancer = RelayBalancer(config.routes)
    composer = Composer(config.db, config.sender, config.templates)
    ready_by = config.clock if drain else lambda: started
    found = await _check_templates(config)
    scope = ClaimScope(config.db, _claim_owner(config, found), ready_by, check_space, server, limit, only)
    refusals = PendingRefusals(config.db, config.clock, counters)
    with (
        span("deliver"),
        open_result_journal(config.journals, config.owner) as results,
        open_sent_journal(config.journals, started.date()) as sent,
    ):
        commits = GroupCommit(config.db, config.clock, results, sent, limiter, server)
        recorders = [
            AttemptRecorder(config.owner, route.name, commits, refusals, limiter, config.rng) for route in config.routes
        ]
        queue = ClaimQueue(scope, limiter, balancer, composer.prepare, recorders[0])
        contexts = [
            SendingContext(config.owner, route, queue, composer, commits, recorder)
            for route, recorder in zip(config.routes, recorders, strict=True)
        ]
        backoff = RelayBackoff(config.db, config.clock, limiter)
        pool = WorkerPool(contexts, config.connections, queue, balancer, backoff, config.send_alert)
        try:
            async with refusals.judging(), commits.running():
                await pool.run(stop or asyncio.Event())
        finally:
            await queue.release_waiting(config.clock())
    counters.stopped = "; ".join(filter(None, (counters.stopped, found.why))) or None
    return counters


def _is_any_ready(db: Database, now: datetime) -> bool:
    with db.read() as session:
        return queries.count_ready(session, now, 1) > 0


def _load_rate_limiter(config: DeliveryConfig, started: datetime, loop: asyncio.AbstractEventLoop) -> RateLimiter:
    """Load the throttles from the store.

    Their time advances even if a test's clock stands still.
    """
    loop_started, first = loop.time(), started.timestamp()
    limiter = RateLimiter(config.limits, lambda: first + loop.time() - loop_started)
    with config.db.read() as session:
        limiter.load(session, [route.name for route in config.routes])
    return limiter


async def _check_templates(config: DeliveryConfig) -> HeldMails:
    """Return the mails whose templates fail, after telling the operator of them."""
    found = await asyncio.to_thread(find_held, config.db, config.sender, config.templates)
    if found.is_news:
        log.error("mails held", why=found.why)
        await config.send_alert("mails held", "", found.why)
    return found


def _claim_owner(config: DeliveryConfig, found: HeldMails) -> ClaimOwner:
    keys, bounce = config.sender.keys, config.sender.bounce
    return ClaimOwner(config.owner, lambda key, n: make_envelope_from(keys, key, n, bounce), found.held)
