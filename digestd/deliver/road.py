"""A run of delivery: some lanes until nothing is ready, the relay fails, or the run is stopped."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

import structlog

from digestd.deliver.committer import Committer
from digestd.deliver.composer import Composer, Sender
from digestd.deliver.lane import Desk, Lane
from digestd.deliver.outcomes import Outcomes
from digestd.deliver.receipts import journal
from digestd.deliver.supply import Supply
from digestd.deliver.tally import Tally
from digestd.errors import RelayFailed
from digestd.links import envelope_from
from digestd.store.database import Database
from digestd.store.ledger import Claimer
from digestd.transports import Transport

STOP_SECONDS = 20.0
"""How long a stopped run waits for answers before what is not answered is uncertain."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a worker delivers with. `owner` is its name in the ledger, held while it lives.

    `journals`: the folder of receipt journals.
    """

    db: Database
    sender: Sender
    transport: Transport
    owner: str
    clock: Callable[[], datetime]
    rng: Random
    journals: Path
    lanes: int = 8
    rate: float = 0
    """Mails a second over all lanes; 0: as fast as the relay takes them."""


@dataclass(frozen=True, slots=True)
class DeliverReport:
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
    delivery: Delivery, *, drain: bool = True, limit: int | None = None, stop: asyncio.Event | None = None
) -> DeliverReport:
    """Send what is ready. With `drain`, also what becomes ready meanwhile; else as of now.

    Ends early when `stop` is set: nothing more is begun, what is under way gets STOP_SECONDS.
    """
    started = delivery.clock()
    composer = Composer(delivery.db, delivery.sender)
    keys, bounce = delivery.sender.keys, delivery.sender.bounce
    claimer = Claimer(delivery.owner, lambda key, n: envelope_from(keys, key, n, bounce))
    supply = Supply(delivery.db, claimer, composer, delivery.clock if drain else lambda: started)
    supply.limit(limit, delivery.rate)
    tally = Tally()
    try:
        with journal(delivery.journals, delivery.owner) as receipts:
            committer = Committer(delivery.db, delivery.clock, receipts)
            async with committer.running():
                outcomes = Outcomes(delivery.owner, committer, tally, delivery.rng)
                desk = Desk(delivery.owner, delivery.transport, supply, composer, committer, outcomes)
                lanes = [Lane(desk) for _ in range(delivery.lanes)]
                await _run_lanes(lanes, tally, supply, stop or asyncio.Event())
    finally:
        await asyncio.to_thread(supply.give_back, delivery.clock())
    return _report(tally)


async def _run_lanes(lanes: list[Lane], tally: Tally, supply: Supply, stop: asyncio.Event) -> None:
    """Run all lanes; the first failure closes the supply, so that the others finish their mail and end.

    Raises what was no failure of the relay, once the others have had their time.
    """
    tasks = {asyncio.create_task(lane.run()) for lane in lanes}
    stopped = asyncio.create_task(_until(stop))
    unforeseen: list[BaseException] = []
    try:
        pending: set[asyncio.Task[None]] = tasks
        while pending and not stop.is_set() and not unforeseen:
            done, rest = await asyncio.wait({*pending, stopped}, return_when=asyncio.FIRST_COMPLETED)
            pending = {task for task in pending if task in rest}
            unforeseen += _failures(done - {stopped}, tally, supply)
        supply.close()
        if pending:
            done, _ = await asyncio.wait(pending, timeout=STOP_SECONDS)
            unforeseen += _failures(done, tally, supply)
    finally:
        await _cancel({stopped, *tasks})
    if unforeseen:
        raise unforeseen[0]


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


def _failures(done: "set[asyncio.Task[None]]", tally: Tally, supply: Supply) -> list[BaseException]:
    """Close the supply when a lane failed. The relay's failures are noted; the others are the caller's."""
    errors = [error for task in done if (error := task.exception()) is not None]
    if errors:
        supply.close()
    for error in errors:
        if isinstance(error, RelayFailed):
            if tally.stopped is None:
                log.warning("lane stopped", why=str(error))
            tally.stopped = str(error)
    return [error for error in errors if not isinstance(error, RelayFailed)]


async def _cancel(tasks: "set[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _report(tally: Tally) -> DeliverReport:
    return DeliverReport(
        accepted=tally.accepted,
        deferred=tally.deferred,
        rejected=tally.rejected,
        skipped=tally.skipped,
        expired=tally.expired,
        uncertain=tally.uncertain,
        poisoned=tally.poisoned,
        stopped=tally.stopped,
    )
