"""The worker: delivers what is ready, rests while the relay does not serve us, ends clean.

Each run has a name of its own in the ledger, held by a lock while it lives. What a run could
not write down (the database was away) is recovered by the next, like after a crash.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

import structlog

from digestd.app import App
from digestd.deliver import DeliverReport, deliver, recover
from digestd.errors import DigestdError
from digestd.retry import lane_wait
from digestd.store import ledger
from digestd.store.ledger import reading

TICK_SECONDS = 5.0
TIDY_BLOCK = 500
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rest:
    """How long the relay is left alone: `failures` in a row, nothing is sent before `until`."""

    failures: int = 0
    until: datetime | None = None

    def after(self, report: DeliverReport, now: datetime) -> "Rest":
        """The rest after a run."""
        if report.stopped is None:
            return Rest()
        failures = 0 if report.accepted else self.failures
        return Rest(failures + 1, now + lane_wait(failures + 1))


async def work(app: App, stop: asyncio.Event) -> None:
    """Deliver whatever becomes ready until `stop` is set."""
    rest = Rest()
    while not stop.is_set():
        try:
            rest = await tick(app, rest, stop)
        except DigestdError as error:
            log.error("delivery failed", why=str(error), retry=error.retry)
        try:
            await asyncio.wait_for(stop.wait(), TICK_SECONDS)
        except TimeoutError:
            continue


async def tick(app: App, rest: Rest, stop: asyncio.Event) -> Rest:
    """One look: tidy up, then deliver if anything is ready and the relay has rested."""
    now = app.clock()
    await asyncio.to_thread(tidy, app, now)
    if (rest.until is not None and now < rest.until) or not await asyncio.to_thread(_anything_ready, app, now):
        return rest
    report = await run(app, stop=stop)
    log.info("delivered", **{name: count for name, count in counts(report).items() if count})
    return rest.after(report, app.clock())


def tidy(app: App, now: datetime) -> None:
    """Recover after dead workers, settle what came back, and close what has become too late."""
    recover(app.db, app.owners, app.journals, now)
    ledger.settle_all_bounced(app.db, now)
    more = True
    while more:
        with app.db.write() as session:
            more = ledger.expire(session, TIDY_BLOCK, now) == TIDY_BLOCK


async def run(
    app: App, *, drain: bool = True, limit: int | None = None, stop: asyncio.Event | None = None
) -> DeliverReport:
    """One run under a name of its own."""
    owner = app.new_owner()
    with app.owners.hold(owner):
        return await deliver(app.delivery(owner), drain=drain, limit=limit, stop=stop)


def counts(report: DeliverReport) -> dict[str, int]:
    """A report as the contract prints it."""
    names = ("accepted", "deferred", "rejected", "skipped", "expired", "uncertain")
    return {name: getattr(report, name) for name in names}


def _anything_ready(app: App, now: datetime) -> bool:
    with app.db.read() as session:
        return reading.anything_ready(session, now)
