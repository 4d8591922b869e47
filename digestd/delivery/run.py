"""Deliver over every relay until nothing is ready or the run is stopped.

Before a run claims anything, it composes a sample of mails and does not start if many fail: templates are checked when
they are loaded, but not with every paper and name that exists, and a failure found here costs no mail an attempt. The
first mail of each kind and language is also linted (see `mail.lint`): one error there stops the run.

It also checks the free disk space (see `disk_space`), before and during the run.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random

import structlog

from digestd.delivery.alert import SendAlert, no_alert
from digestd.delivery.attempt_recorder import AttemptRecorder, PendingRefusals, RunCounters
from digestd.delivery.chat.chat_transport import ROUTE, ChatTransport
from digestd.delivery.claim_queue import ClaimQueue
from digestd.delivery.composer import Composer, Sender
from digestd.delivery.disk_space import check_disk_space
from digestd.delivery.group_commit import GroupCommit
from digestd.delivery.journals import open_result_journal, open_sent_journal
from digestd.delivery.reconcile import RelayLog
from digestd.delivery.recovery import RestoreGuard
from digestd.delivery.relays import RateLimiter, RelayBackoff, RelayBalancer
from digestd.delivery.sending_worker import SendingContext, WorkerPool
from digestd.delivery.transports import Route
from digestd.domain.delivery import Claim
from digestd.errors import ComposeFailed, Damaged
from digestd.mail.lint import Severity
from digestd.security.links import make_envelope_from
from digestd.store.database import Database
from digestd.store.ledger import queries
from digestd.store.ledger.claim_queue import ClaimOwner
from digestd.tracing import span

SAMPLE_SIZE = 20
"""Mails composed before a run."""
SAMPLE_FAILED_SHARE = 0.05
"""With a larger share of failures, the remaining mails are likely to fail too."""
SAMPLE_FAILURES_ALLOWED = 1
"""One failure is that mail's own problem, however small the sample. It is tried and set aside in the end."""
LINTED_MAX = 5
"""Mails linted before a run: each costs some hundredths of a second."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryConfig:
    """The parts of one delivery run.

    Attributes:
        sender: The sender's addresses, keys and links.
        owner: The name of this run in the ledger, locked while the run lives.
        rng: Source of randomness for retry delays.
        journals: Folder of the result journal and the sent journal.
        machine: Name of this machine, or empty if it has none.
        relay_log: The log of the relay, if it can be read.
        connections: The maximum number of connections to each relay.
        limits: Mails per second, by route name or by `@domain`.
        send_alert: Called when a relay stops or resumes.
        chat: Where digests for chat rooms go.
    """

    db: Database
    sender: Sender
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
    chat: Route = field(default_factory=lambda: Route(ROUTE, ChatTransport()))

    @property
    def guard(self) -> RestoreGuard:
        """Return the check that database and sent journal belong together."""
        return RestoreGuard(self.db, self.sender.keys, self.journals, self.machine, self.relay_log)


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


async def deliver(  # what a run may be limited by
    config: DeliveryConfig,
    *,
    drain: bool = True,
    limit: int | None = None,
    only: Collection[int] = (),
    stop: asyncio.Event | None = None,
    counters: RunCounters | None = None,
) -> DeliveryReport:
    """Send what is ready.

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
    limiter = await asyncio.to_thread(_load_rate_limiter, config, started, asyncio.get_running_loop())
    balancer = RelayBalancer(config.routes)
    composer = Composer(config.db, config.sender)
    ready_by = config.clock if drain else lambda: started
    queue = ClaimQueue(config.db, _claim_owner(config), composer.prepare, ready_by, counters)
    queue.with_limits(limit, limiter, balancer).with_only(only).with_disk_check(check_space).with_server(server)
    refusals = PendingRefusals(config.db, config.clock, counters)
    try:
        with (
            span("deliver"),
            open_result_journal(config.journals, config.owner) as results,
            open_sent_journal(config.journals, started.date()) as sent,
        ):
            commits = GroupCommit(config.db, config.clock, results, sent, limiter, server)
            recorders = {
                route.name: AttemptRecorder(config.owner, route.name, commits, refusals, config.rng)
                for route in (*config.routes, config.chat)
            }
            contexts = [
                SendingContext(
                    config.owner, route, queue, composer, commits, recorders[route.name], config.chat, recorders[ROUTE]
                )
                for route in config.routes
            ]
            backoff = RelayBackoff(config.db, config.clock, limiter)
            pool = WorkerPool(contexts, config.connections, queue, balancer, backoff, config.send_alert)
            async with refusals.judging(), commits.running():
                try:
                    await asyncio.to_thread(_preflight, config, composer, started)
                except ComposeFailed as error:
                    await pool.stop_all(error)
                else:
                    await pool.run(stop or asyncio.Event())
    finally:
        await queue.release_waiting(config.clock())
    return _report(counters)


def check_composing(composer: Composer, sample: Sequence[Claim]) -> list[Claim]:
    """Compose these mails and return those that can be composed.

    Raises:
        ComposeFailed: Too many fail.
    """
    composer.prepare(sample)
    reasons = [_compose_error(composer, claim) for claim in sample]
    failed = [reason for reason in reasons if reason is not None]
    if len(failed) > max(SAMPLE_FAILURES_ALLOWED, SAMPLE_FAILED_SHARE * len(sample)):
        raise ComposeFailed(
            f"{len(failed)} of {len(sample)} sample mails cannot be composed ({failed[0]}), so none are sent; run "
            "`digestd preview EMAIL` to check the templates and fix the error. Sending resumes by itself"
        )
    return [claim for claim, reason in zip(sample, reasons, strict=True) if reason is None]


def check_lint(composer: Composer, sample: Sequence[Claim]) -> None:
    """Lint the first mail of each kind, language and set of templates, and log warnings.

    Raises:
        ComposeFailed: One of them has an error.
    """
    first = {(claim.kind, claim.language, claim.template_hash): claim for claim in reversed(sample)}
    for claim in list(first.values())[:LINTED_MAX]:
        for finding in composer.lint(claim):
            if finding.severity is Severity.ERROR:
                raise ComposeFailed(
                    f"the preflight check found an error in a mail ({claim.kind}, delivery {claim.key}), so none are "
                    f"sent: {finding.where}: {finding.message}. `digestd preview EMAIL --lint` shows all findings. "
                    "Sending resumes by itself"
                )
            log.warning("mail lint", delivery=claim.key, rule=finding.rule, where=finding.where, why=finding.message)


def _preflight(config: DeliveryConfig, composer: Composer, now: datetime) -> None:
    with config.db.read() as session:
        sample = [claim for claim in queries.sample(session, SAMPLE_SIZE, now) if claim.chat is None]
    check_lint(composer, check_composing(composer, sample))


def _compose_error(composer: Composer, claim: Claim) -> str | None:
    try:
        composer.compose(claim)
    except Exception as error:
        reason = str(error) if isinstance(error, Damaged) else type(error).__name__
        log.error("cannot compose", delivery=claim.key, error=reason)
        return reason
    return None


def _load_rate_limiter(config: DeliveryConfig, started: datetime, loop: asyncio.AbstractEventLoop) -> RateLimiter:
    """Load the throttles from the store.

    Their time advances even if a test's clock stands still.
    """
    loop_started, first = loop.time(), started.timestamp()
    limiter = RateLimiter(config.limits, lambda: first + loop.time() - loop_started)
    with config.db.read() as session:
        limiter.load(session, [route.name for route in config.routes])
    return limiter


def _claim_owner(config: DeliveryConfig) -> ClaimOwner:
    keys, bounce = config.sender.keys, config.sender.bounce
    return ClaimOwner(config.owner, lambda key, n: make_envelope_from(keys, key, n, bounce))


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
