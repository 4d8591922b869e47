"""The scheduler of the inline runner: APScheduler ticks.

What is due is in the database, so ticks may be repeated or late.

It uses a memory job store with coalesced intervals, one instance per job and no misfire limit: a missed tick is made up
by the next, because each tick does everything that is due by then.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from digestd.app import App
from digestd.digests.planner import plan
from digestd.errors import AlreadyRunning, DigestdError
from digestd.jobs.chores import Chores
from digestd.papers.embedding import embed_papers
from digestd.papers.ingest import ingest
from digestd.store import erasure
from digestd.store.migrate import require_current
from digestd.store.process_locks import HeldLock

PLAN_SECONDS = 15
REFIT_SECONDS = 15 * 60
GIST_SECONDS = 60
SCRUB_SECONDS = 15 * 60
PRUNE_SECONDS = 24 * 60 * 60
PING_SECONDS = 5 * 60
CLOCK_SECONDS = 1.0
CLOCK_SLACK = timedelta(seconds=2)
STARTUP_DELAY = timedelta(minutes=5)
"""Time that planning waits after a start for the first ingest, so that overdue digests contain the missed papers."""
NAME = "scheduler"
"""Name of the lock held by the one process that schedules on a database."""
log = structlog.get_logger(__name__)


class Scheduler:
    """Runs planning, ingest, model refits, gists and pending erasure at intervals.

    `last_tick` is when planning last completed.

    Args:
        lock: the lock that makes this the only scheduler of the database. It is renewed before each planning.
    """

    def __init__(self, app: App, lock: HeldLock | None = None) -> None:
        self._app = app
        self._lock = lock or HeldLock()
        self._displaced: AlreadyRunning | None = None
        self._stop = asyncio.Event()
        self._stopping = False
        self._chores = Chores(app, self._is_running)
        self._plan_after: datetime | None = None
        self.last_tick: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Tick until `stop` is set, then let running jobs end.

        Raises:
            AlreadyRunning: The connection that held the lock was lost, and another process has the lock now.
        """
        self._stop = stop
        self._plan_after = self._app.clock() + STARTUP_DELAY
        scheduler = AsyncIOScheduler(timezone=UTC)
        jobs: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.plan, PLAN_SECONDS),
            (self.ingest, self._app.settings.ingest_interval_minutes * 60),
            (self._chores.refit, REFIT_SECONDS),
            (self._chores.write_gists, GIST_SECONDS),
            (self.scrub, SCRUB_SECONDS),
            (self._chores.prune, PRUNE_SECONDS),
            (self._chores.ping, PING_SECONDS),
        ]
        running: dict[str, asyncio.Task[None]] = {}
        intervals: list[tuple[Job, int]] = []
        for job, seconds in jobs:
            ticked = _one_at_a_time(job, running)
            scheduler.add_job(ticked, misfire_grace_time=None)
            added = scheduler.add_job(
                ticked, "interval", seconds=seconds, coalesce=True, max_instances=1, misfire_grace_time=None
            )
            intervals.append((added, seconds))
        scheduler.start()
        clock_watch = asyncio.create_task(self._watch_clock(scheduler, intervals))
        try:
            await stop.wait()
        finally:
            self._stopping = True
            clock_watch.cancel()
            scheduler.shutdown(wait=False)
            await asyncio.gather(*running.values(), return_exceptions=True)
        if self._displaced is not None:
            raise self._displaced

    async def _watch_clock(self, scheduler: AsyncIOScheduler, intervals: Sequence[tuple[Job, int]]) -> None:
        """Reschedule jobs when the clock is set back, and wake up after a sleep.

        APScheduler stores the next tick as wall-clock time, so a clock set back by a day would pause it for a day. It
        waits by the monotonic clock, which stands still while the machine sleeps.
        """
        last = self._app.clock()
        while True:
            await asyncio.sleep(CLOCK_SECONDS)
            now = self._app.clock()
            if now < last - CLOCK_SLACK:
                log.warning("the clock was set back", by=str(last - now))
                for job, seconds in intervals:
                    job.reschedule("interval", seconds=seconds)
            scheduler.wakeup()
            last = now

    async def plan(self) -> None:
        """Plan everything due, but not before the first ingest after the start."""
        now = self._app.clock()
        if self._plan_after is not None and now < self._plan_after:
            self.last_tick = now
            return
        try:
            await asyncio.to_thread(self._lock.renew)
            await asyncio.to_thread(require_current, self._app.db)
            report = await asyncio.to_thread(plan, self._app.db, self._app.planner, now, self._is_running)
        except AlreadyRunning as error:
            self._displaced = error
            self._stop.set()
            return
        except DigestdError as error:
            log.error("planning failed", why=str(error), retry=error.retry)
            return
        self.last_tick = self._app.clock()
        if report.rescheduled:
            why = f"{report.rescheduled} subscribers were rescheduled; check that the clock is right now"
            await self._app.send_alert("clock was ahead", "", why)
        if report.due:
            log.info("planned", due=report.due, planned=report.planned, empty=report.empty)

    def _is_running(self) -> bool:
        return not self._stopping

    async def scrub(self) -> None:
        """Remove erased data from the write-ahead log, which waits for readers."""
        try:
            done = await asyncio.to_thread(erasure.scrub, self._app.db, wait=False)
        except DigestdError as error:
            log.error("cannot empty the write-ahead log", why=str(error), retry=error.retry)
            return
        if not done:
            log.debug("the write-ahead log is in use; it will be emptied later")

    async def ingest(self) -> None:
        """Fetch new papers from every source."""
        try:
            await self._fetch()
        finally:
            self._plan_after = None

    async def _fetch(self) -> None:
        try:
            report = await ingest(self._app.db, self._app.sources, self._app.client, self._app.clock)
        except DigestdError as error:
            log.error("ingest failed", why=str(error), retry=error.retry)
            return
        for source in report.sources:
            log.info("ingested", **source.counts)
        if count := await asyncio.to_thread(embed_papers, self._app.db, self._app.encoder, self._is_running):
            log.info("embedded papers", papers=count)


def _one_at_a_time(
    job: Callable[[], Awaitable[None]], running: "dict[str, asyncio.Task[None]]"
) -> Callable[[], Awaitable[None]]:
    """Return the job, skipped while it is running. `running` holds its task meanwhile."""
    name = getattr(job, "__name__", "job")

    async def run() -> None:
        task = asyncio.current_task()
        if name in running or task is None:
            return
        running[name] = task
        try:
            await job()
        except asyncio.CancelledError:
            log.debug("job cancelled", job=name)
        finally:
            del running[name]

    return run
