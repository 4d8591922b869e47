"""A run of delivery: some lanes to each route, until nothing is ready, every route fails, or the run is stopped."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random

from digestd.deliver import preflight
from digestd.deliver.alert import SendAlert, no_alert
from digestd.deliver.attempt_recorder import AttemptRecorder
from digestd.deliver.composer import Composer
from digestd.deliver.disk_space import check_disk_space
from digestd.deliver.group_commit import GroupCommit
from digestd.deliver.rate_limiter import RateLimiter
from digestd.deliver.refusals import PendingRefusals
from digestd.deliver.relay_backoff import RelayBackoff
from digestd.deliver.relay_balancer import RelayBalancer
from digestd.deliver.restore_guard import check_database_is_current
from digestd.deliver.result_journal import open_result_journal
from digestd.deliver.run_counters import RunCounters
from digestd.deliver.sender import Sender
from digestd.deliver.sending_worker import SendingContext
from digestd.deliver.sent_journal import open_sent_journal
from digestd.deliver.supply import Supply
from digestd.deliver.worker_pool import WorkerPool
from digestd.errors import MailsBroken
from digestd.links import envelope_from
from digestd.store.database import Database
from digestd.store.ledger import Claimer, reading
from digestd.transports import Route


@dataclass(frozen=True, slots=True)
class DeliveryConfig:
    """What a worker delivers with. `owner` is its name in the ledger, held while it lives.

    `journals`: the folder of receipt journals and departures; `machine`: the name of this one, if it has any; `lanes`
    to each route; `limits`: mails a second by route name or `@domain`; `tell`: when a lane stops.
    """

    db: Database
    sender: Sender
    routes: tuple[Route, ...]
    owner: str
    clock: Callable[[], datetime]
    rng: Random
    journals: Path
    machine: str = ""
    lanes: int = 8
    limits: Mapping[str, float] = field(default_factory=dict)
    tell: SendAlert = no_alert


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """How a run ended. `stopped`: why a lane stopped, if one did."""

    accepted: int = 0
    deferred: int = 0
    rejected: int = 0
    skipped: int = 0
    expired: int = 0
    uncertain: int = 0
    poisoned: int = 0
    stopped: str | None = None


async def deliver(
    delivery: DeliveryConfig,
    *,
    drain: bool = True,
    limit: int | None = None,
    stop: asyncio.Event | None = None,
    tally: RunCounters | None = None,
) -> DeliveryReport:
    """Send what is ready. With `drain`, also what becomes ready meanwhile; else as of now.

    Ends early when `stop` is set: nothing more is begun, what is under way gets STOP_SECONDS. `tally` is
    counted up as the run goes on, for whoever wants to watch. Raises DiskFull where nothing could be recorded, also
    where it comes to that in the middle, NotAdopted where the database is not the one that has sent.
    """
    look = partial(check_disk_space, [delivery.journals, *([delivery.db.file.parent] if delivery.db.file else [])])
    look()
    await asyncio.to_thread(check_database_is_current, delivery.db, delivery.journals, delivery.machine)
    tally = tally or RunCounters()
    started = delivery.clock()
    pace = await asyncio.to_thread(_pace, delivery, started, asyncio.get_running_loop())
    shares = RelayBalancer(delivery.routes)
    composer = Composer(delivery.db, delivery.sender)
    supply = Supply(delivery.db, _claimer(delivery), composer, delivery.clock if drain else lambda: started)
    supply.bounded(limit, pace, shares).watching(look)
    refusals = PendingRefusals(delivery.db, delivery.clock, tally)
    try:
        with (
            open_result_journal(delivery.journals, delivery.owner) as receipts,
            open_sent_journal(delivery.journals, started.date()) as left,
        ):
            committer = GroupCommit(delivery.db, delivery.clock, receipts, left, pace)
            desks = [
                SendingContext(
                    delivery.owner,
                    route,
                    supply,
                    composer,
                    committer,
                    AttemptRecorder(delivery.owner, route.name, committer, refusals, delivery.rng),
                )
                for route in delivery.routes
            ]
            crew = WorkerPool(desks, supply, shares, RelayBackoff(delivery.db, delivery.clock, pace), delivery.tell)
            async with refusals.judging(), committer.running(delivery.lanes * len(desks)):
                try:
                    await asyncio.to_thread(_try_out, delivery, composer, started)
                except MailsBroken as error:
                    await crew.refuse(error)
                else:
                    await crew.run(delivery.lanes, stop or asyncio.Event())
    finally:
        await asyncio.to_thread(supply.give_back, delivery.clock())
    return _report(tally)


def _try_out(delivery: DeliveryConfig, composer: Composer, now: datetime) -> None:
    with delivery.db.read() as session:
        some = reading.sample(session, preflight.SAMPLE, now)
    preflight.check_composing(composer, some)


def _pace(delivery: DeliveryConfig, started: datetime, loop: asyncio.AbstractEventLoop) -> RateLimiter:
    """The throttles as they are kept; their clock runs on also where that of a test stands."""
    began, first = loop.time(), started.timestamp()
    pace = RateLimiter(delivery.limits, lambda: first + loop.time() - began)
    with delivery.db.read() as session:
        pace.read(session, [route.name for route in delivery.routes])
    return pace


def _claimer(delivery: DeliveryConfig) -> Claimer:
    keys, bounce = delivery.sender.keys, delivery.sender.bounce
    return Claimer(delivery.owner, lambda key, n: envelope_from(keys, key, n, bounce))


def _report(tally: RunCounters) -> DeliveryReport:
    return DeliveryReport(
        accepted=tally.accepted,
        deferred=tally.deferred,
        rejected=tally.rejected,
        skipped=tally.skipped,
        expired=tally.expired,
        uncertain=tally.uncertain,
        poisoned=tally.poisoned,
        stopped=tally.stopped,
    )
