"""Deliver over every relay until nothing is ready or the run is stopped."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random

from digestd.delivery import preflight
from digestd.delivery.alert import SendAlert, no_alert
from digestd.delivery.attempt_recorder import AttemptRecorder
from digestd.delivery.claim_queue import ClaimQueue
from digestd.delivery.composer import Composer
from digestd.delivery.disk_space import check_disk_space
from digestd.delivery.group_commit import GroupCommit
from digestd.delivery.rate_limiter import RateLimiter
from digestd.delivery.refusals import PendingRefusals
from digestd.delivery.relay_backoff import RelayBackoff
from digestd.delivery.relay_balancer import RelayBalancer
from digestd.delivery.restore_guard import check_database_is_current
from digestd.delivery.result_journal import open_result_journal
from digestd.delivery.run_counters import RunCounters
from digestd.delivery.sender import Sender
from digestd.delivery.sending_worker import SendingContext
from digestd.delivery.sent_journal import open_sent_journal
from digestd.delivery.transports import Route
from digestd.delivery.worker_pool import WorkerPool
from digestd.errors import ComposeFailed
from digestd.security.links import envelope_from
from digestd.store.database import Database
from digestd.store.ledger import queries
from digestd.store.ledger.claim_queue import ClaimOwner


@dataclass(frozen=True, slots=True)
class DeliveryConfig:
    """The parts of one delivery run.

    Attributes:
        db: The database with the ledger.
        sender: The sender's addresses, keys and links.
        routes: The relays to use.
        owner: The name of this run in the ledger, locked while the run lives.
        clock: Returns the current time.
        rng: Source of randomness for retry delays.
        journals: Folder of the result journal and the sent journal.
        machine: Name of this machine, or empty if it has none.
        connections: Number of connections to each relay.
        limits: Mails per second, by route name or by `@domain`.
        send_alert: Called when a relay stops or resumes.
    """

    db: Database
    sender: Sender
    routes: tuple[Route, ...]
    owner: str
    clock: Callable[[], datetime]
    rng: Random
    journals: Path
    machine: str = ""
    connections: int = 8
    limits: Mapping[str, float] = field(default_factory=dict)
    send_alert: SendAlert = no_alert


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """Result of a run, in deliveries.

    `stopped` says why a relay was stopped, if one was.
    """

    accepted: int = 0
    deferred: int = 0
    rejected: int = 0
    skipped: int = 0
    expired: int = 0
    uncertain: int = 0
    poisoned: int = 0
    stopped: str | None = None


async def deliver(
    config: DeliveryConfig,
    *,
    drain: bool = True,
    limit: int | None = None,
    stop: asyncio.Event | None = None,
    counters: RunCounters | None = None,
) -> DeliveryReport:
    """Send what is ready.

    Args:
        config: The parts of this run.
        drain: Also send what becomes ready during the run.
        limit: Send at most this many mails.
        stop: When set, start no new mail and wait STOP_SECONDS for open answers.
        counters: Updated during the run, for a progress display.

    Raises:
        DiskFull: There is too little space to record results, before or during the run.
        NotResumed: The database is older than the sent journal, or belongs to another machine.
    """
    folders = [config.journals, *([config.db.file.parent] if config.db.file else [])]
    check_space = partial(check_disk_space, folders)
    check_space()
    await asyncio.to_thread(check_database_is_current, config.db, config.journals, config.machine)
    counters = counters or RunCounters()
    started = config.clock()
    limiter = await asyncio.to_thread(_load_rate_limiter, config, started, asyncio.get_running_loop())
    balancer = RelayBalancer(config.routes)
    composer = Composer(config.db, config.sender)
    queue = ClaimQueue(config.db, _claimer(config), composer.prepare, config.clock if drain else lambda: started)
    queue.with_limits(limit, limiter, balancer).with_disk_check(check_space)
    refusals = PendingRefusals(config.db, config.clock, counters)
    try:
        with (
            open_result_journal(config.journals, config.owner) as results,
            open_sent_journal(config.journals, started.date()) as sent,
        ):
            commits = GroupCommit(config.db, config.clock, results, sent, limiter)
            contexts = [
                SendingContext(
                    config.owner,
                    route,
                    queue,
                    composer,
                    commits,
                    AttemptRecorder(config.owner, route.name, commits, refusals, config.rng),
                )
                for route in config.routes
            ]
            backoff = RelayBackoff(config.db, config.clock, limiter)
            pool = WorkerPool(contexts, queue, balancer, backoff, config.send_alert)
            async with refusals.judging(), commits.running(config.connections * len(contexts)):
                try:
                    await asyncio.to_thread(_check_composing, config, composer, started)
                except ComposeFailed as error:
                    await pool.stop_all(error)
                else:
                    await pool.run(config.connections, stop or asyncio.Event())
    finally:
        await asyncio.to_thread(queue.release_waiting, config.clock())
    return _report(counters)


def _check_composing(config: DeliveryConfig, composer: Composer, now: datetime) -> None:
    with config.db.read() as session:
        sample = queries.sample(session, preflight.SAMPLE_SIZE, now)
    preflight.check_composing(composer, sample)


def _load_rate_limiter(config: DeliveryConfig, started: datetime, loop: asyncio.AbstractEventLoop) -> RateLimiter:
    """Load the throttles from the store.

    Their time advances even if a test's clock stands still.
    """
    loop_started, first = loop.time(), started.timestamp()
    limiter = RateLimiter(config.limits, lambda: first + loop.time() - loop_started)
    with config.db.read() as session:
        limiter.load(session, [route.name for route in config.routes])
    return limiter


def _claimer(config: DeliveryConfig) -> ClaimOwner:
    keys, bounce = config.sender.keys, config.sender.bounce
    return ClaimOwner(config.owner, lambda key, n: envelope_from(keys, key, n, bounce))


def _report(counters: RunCounters) -> DeliveryReport:
    return DeliveryReport(
        accepted=counters.accepted,
        deferred=counters.deferred,
        rejected=counters.rejected,
        skipped=counters.skipped,
        expired=counters.expired,
        uncertain=counters.uncertain,
        poisoned=counters.poisoned,
        stopped=counters.stopped,
    )
