"""The scheduler: APScheduler as a metronome. What is due is in the database; ticks may come twice or late.

Memory job store, intervals, coalesced, one at a time, no misfire limit: a missed tick is made up
by the next, because each does everything that is due by then.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from digestd.app import App
from digestd.errors import DigestdError
from digestd.ingest import embed, ingest
from digestd.plan import plan
from digestd.plan.refit_subprocess import refit_in_subprocess
from digestd.plan.text_model import is_refit_due
from digestd.store import erasure
from digestd.store.due import too_far
from digestd.store.migrate import refuse_other

PLAN_SECONDS = 15
REFIT_SECONDS = 15 * 60
SCRUB_SECONDS = 15 * 60
CLOCK_SECONDS = 1.0
CLOCK_SLACK = timedelta(seconds=2)
HOLD = timedelta(minutes=5)
"""How long planning waits after a start for the sources: who was due while nothing ran gets what was missed."""
NAME = "scheduler"
"""Held by the one process that schedules on a database."""
log = structlog.get_logger(__name__)


class Metronome:
    """Ticks planning, ingest, the refit of the text model, and what erasure left to do.

    `last_tick` tells when planning last ran to its end.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._stopping = False
        self._too_far = 0
        self._hold_until: datetime | None = None
        self.last_tick: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Tick until `stop` is set, then let the tick under way end."""
        self._hold_until = self._app.clock() + HOLD
        scheduler = AsyncIOScheduler(timezone=UTC)
        jobs: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.plan, PLAN_SECONDS),
            (self.ingest, self._app.settings.ingest_minutes * 60),
            (self.refit, REFIT_SECONDS),
            (self.scrub, SCRUB_SECONDS),
        ]
        under_way: dict[str, asyncio.Task[None]] = {}
        ticking: list[tuple[Job, int]] = []
        for job, seconds in jobs:
            ticked = _one_at_a_time(job, under_way)
            scheduler.add_job(ticked, misfire_grace_time=None)
            added = scheduler.add_job(
                ticked, "interval", seconds=seconds, coalesce=True, max_instances=1, misfire_grace_time=None
            )
            ticking.append((added, seconds))
        scheduler.start()
        minding = asyncio.create_task(self._mind_the_clock(scheduler, ticking))
        try:
            await stop.wait()
        finally:
            self._stopping = True
            minding.cancel()
            scheduler.shutdown(wait=False)
            await asyncio.gather(*under_way.values(), return_exceptions=True)

    async def _mind_the_clock(self, scheduler: AsyncIOScheduler, ticking: Sequence[tuple[Job, int]]) -> None:
        """The next ticks are at times of the clock: set back by a day, it would have all wait for a day.

        What waits for them sleeps by another clock, which stands still while a machine sleeps: it is woken to look.
        """
        last = self._app.clock()
        while True:
            await asyncio.sleep(CLOCK_SECONDS)
            now = self._app.clock()
            if now < last - CLOCK_SLACK:
                log.warning("the clock was set back", by=str(last - now))
                for job, seconds in ticking:
                    job.reschedule("interval", seconds=seconds)
            scheduler.wakeup()
            last = now

    async def plan(self) -> None:
        """Plan everything due now; not before the sources were asked once."""
        now = self._app.clock()
        if self._hold_until is not None and now < self._hold_until:
            self.last_tick = now
            return
        try:
            await asyncio.to_thread(refuse_other, self._app.db)
            report = await asyncio.to_thread(plan, self._app.db, self._app.planner, now, self._keep_on)
            await asyncio.to_thread(self._say_who_waits_too_long, now)
        except DigestdError as error:
            log.error("planning failed", why=str(error), retry=error.retry)
            return
        self.last_tick = self._app.clock()
        if report.due:
            log.info("planned", due=report.due, planned=report.planned, empty=report.empty)

    def _say_who_waits_too_long(self, now: datetime) -> None:
        """Once, until there are others: a clock that is wrong now, or was, has them go without digests for long."""
        with self._app.db.read() as session:
            far = too_far(session, now)
        if far > self._too_far:
            log.error(
                "some wait for a day more than ten days away", subscribers=far,
                why="the clock stands wrong, or stood wrong when they were planned; if it is right now, "
                "`digestd plan --due-again` has them due by it",
            )  # fmt: skip
        self._too_far = far

    def _keep_on(self) -> bool:
        return not self._stopping

    async def refit(self) -> None:
        """Fit the text model anew where it is outgrown; planning goes on meanwhile with the one in force."""
        try:
            if not await asyncio.to_thread(is_refit_due, self._app.db, self._app.clock()):
                return
            fitted = await asyncio.to_thread(refit_in_subprocess, self._app.db, self._app.clock(), self._keep_on)
        except DigestdError as error:
            log.error("refit failed", why=str(error), retry=error.retry)
            return
        if fitted:
            log.info("text model fitted anew")
        elif self._keep_on():
            log.error("refit failed", why="its process ended early, perhaps for want of memory; the old model stays")

    async def scrub(self) -> None:
        """Remove what erasure left in the write-ahead log because a reader still needed it."""
        try:
            done = await asyncio.to_thread(erasure.scrub, self._app.db, wait=False)
        except DigestdError as error:
            log.error("the write-ahead log was not emptied", why=str(error), retry=error.retry)
            return
        if not done:
            log.debug("the write-ahead log is in use; it is emptied later")

    async def ingest(self) -> None:
        """Ask every source."""
        try:
            await self._ask()
        finally:
            self._hold_until = None

    async def _ask(self) -> None:
        try:
            report = await ingest(self._app.db, self._app.sources, self._app.client, self._app.clock)
        except DigestdError as error:
            log.error("ingest failed", why=str(error), retry=error.retry)
            return
        for source in report.sources:
            log.info("ingested", **source.counts)
        if count := await asyncio.to_thread(embed, self._app.db, self._app.encoder, self._keep_on):
            log.info("read by the dense model", papers=count)


def _one_at_a_time(
    job: Callable[[], Awaitable[None]], under_way: "dict[str, asyncio.Task[None]]"
) -> Callable[[], Awaitable[None]]:
    """The job, skipped while it runs already; `under_way` holds its task meanwhile."""
    name = getattr(job, "__name__", "job")

    async def run() -> None:
        task = asyncio.current_task()
        if name in under_way or task is None:
            return
        under_way[name] = task
        try:
            await job()
        except asyncio.CancelledError:
            log.debug("tick cut short", job=name)
        finally:
            del under_way[name]

    return run
