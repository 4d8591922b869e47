"""A run of delivery: some lanes to each route, until nothing is ready, every route fails, or the run is stopped."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random

from digestd.deliver import canary
from digestd.deliver.adopting import see_that_it_is_ours
from digestd.deliver.alert import Tell, nobody
from digestd.deliver.committer import Committer
from digestd.deliver.composer import Composer
from digestd.deliver.crew import Crew
from digestd.deliver.departures import departures
from digestd.deliver.lane import Desk
from digestd.deliver.outcomes import Outcomes
from digestd.deliver.pace import Pace
from digestd.deliver.receipts import journal
from digestd.deliver.rests import Rests
from digestd.deliver.room import see_room
from digestd.deliver.sender import Sender
from digestd.deliver.shares import Shares
from digestd.deliver.supply import Supply
from digestd.deliver.tally import Tally
from digestd.deliver.verdicts import Refusals
from digestd.errors import MailsBroken
from digestd.links import envelope_from
from digestd.store.database import Database
from digestd.store.ledger import Claimer, queries
from digestd.transports import Route


@dataclass(frozen=True, slots=True)
class Delivery:
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
    tell: Tell = nobody


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
    delivery: Delivery,
    *,
    drain: bool = True,
    limit: int | None = None,
    stop: asyncio.Event | None = None,
    tally: Tally | None = None,
) -> DeliverReport:
    """Send what is ready. With `drain`, also what becomes ready meanwhile; else as of now.

    Ends early when `stop` is set: nothing more is begun, what is under way gets STOP_SECONDS. `tally` is
    counted up as the run goes on, for whoever wants to watch. Raises DiskFull where nothing could be recorded, also
    where it comes to that in the middle, NotAdopted where the database is not the one that has sent.
    """
    look = partial(see_room, [delivery.journals, *([delivery.db.file.parent] if delivery.db.file else [])])
    look()
    await asyncio.to_thread(see_that_it_is_ours, delivery.db, delivery.journals, delivery.machine)
    tally = tally or Tally()
    started = delivery.clock()
    pace = await asyncio.to_thread(_pace, delivery, started, asyncio.get_running_loop())
    shares = Shares(delivery.routes)
    composer = Composer(delivery.db, delivery.sender)
    supply = Supply(delivery.db, _claimer(delivery), composer, delivery.clock if drain else lambda: started)
    supply.bounded(limit, pace, shares).watching(look)
    refusals = Refusals(delivery.db, delivery.clock, tally)
    try:
        with (
            journal(delivery.journals, delivery.owner) as receipts,
            departures(delivery.journals, started.date()) as left,
        ):
            committer = Committer(delivery.db, delivery.clock, receipts, left, pace)
            desks = [
                Desk(
                    delivery.owner,
                    route,
                    supply,
                    composer,
                    committer,
                    Outcomes(delivery.owner, route.name, committer, refusals, delivery.rng),
                )
                for route in delivery.routes
            ]
            crew = Crew(desks, supply, shares, Rests(delivery.db, delivery.clock, pace), delivery.tell)
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


def _try_out(delivery: Delivery, composer: Composer, now: datetime) -> None:
    with delivery.db.read() as session:
        some = queries.sample(session, canary.SAMPLE, now)
    canary.try_out(composer, some)


def _pace(delivery: Delivery, started: datetime, loop: asyncio.AbstractEventLoop) -> Pace:
    """The throttles as they are kept; their clock runs on also where that of a test stands."""
    began, first = loop.time(), started.timestamp()
    pace = Pace(delivery.limits, lambda: first + loop.time() - began)
    with delivery.db.read() as session:
        pace.read(session, [route.name for route in delivery.routes])
    return pace


def _claimer(delivery: Delivery) -> Claimer:
    keys, bounce = delivery.sender.keys, delivery.sender.bounce
    return Claimer(delivery.owner, lambda key, n: envelope_from(keys, key, n, bounce))


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
