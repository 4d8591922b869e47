"""The scheduler of the inline runner: APScheduler ticks.

What is due is in the database, so ticks may be repeated or late.

It uses a memory job store with coalesced intervals, one instance per job and no misfire limit: a missed tick is made up
by the next, because each tick does everything that is due by then.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from digestd.app import App
from digestd.digests.rescheduling import CORRECTED, update_schedules
from digestd.errors import AlreadyRunning, DigestdError
from digestd.jobs.children import ChildProcesses
from digestd.jobs.chores import Chores
from digestd.store import due, personal_data
from digestd.store.migrate import require_current
from digestd.store.processes import HeldLock

PLAN_SECONDS = 15
"""Planning keeps to the beat of the clock, so that sending begins as the hour does for which people wait."""
REFIT_SECONDS = 15 * 60
GIST_SECONDS = 60
JUDGE_SECONDS = 10 * 60
SCRUB_SECONDS = 15 * 60
PRUNE_SECONDS = 24 * 60 * 60
PING_SECONDS = 5 * 60
CLOCK_SECONDS = 15.0
CLOCK_SLACK = timedelta(seconds=2)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STARTUP_DELAY = timedelta(minutes=5)
"""Time that planning waits after a start for the first ingest, so that overdue digests contain the missed papers."""
log = structlog.get_logger(__name__)


class Scheduler:
    """Runs planning, ingest, model refits, gists, judging and pending erasure at intervals.

    `last_tick` is when planning last completed.

    Args:
        lock: the lock that makes this the only scheduler of the database. It is renewed before each planning.
        planned: called when there are new digests to send.
    """

    def __init__(self, app: App, lock: HeldLock | None = None, planned: Callable[[], None] = lambda: None) -> None:
        self._app = app
        self._planned = planned
        self._children = ChildProcesses(app)
        self._lock = lock or HeldLock()
        self._displaced: AlreadyRunning | None = None
        self._stop = asyncio.Event()
        self._stopping = False
        self._chores = Chores(app, lambda: not self._stopping)
        self._plan_after: datetime | None = None
        self._send_from: datetime | None = None
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
            (self.refit, REFIT_SECONDS),
            (self._chores.write_gists, GIST_SECONDS),
            (self.judge, JUDGE_SECONDS),
            (self.scrub, SCRUB_SECONDS),
            (self._chores.prune, PRUNE_SECONDS),
            (self._chores.ping, PING_SECONDS),
        ]
        running: dict[str, asyncio.Task[None]] = {}
        intervals: list[tuple[Job, dict[str, Any]]] = []
        for job, seconds in jobs:
            ticked = _one_at_a_time(job, running)
            scheduler.add_job(ticked, misfire_grace_time=None)
            every: dict[str, Any] = {"seconds": seconds, **({"start_date": EPOCH} if job == self.plan else {})}
            added = scheduler.add_job(
                ticked, "interval", coalesce=True, max_instances=1, misfire_grace_time=None, **every
            )
            intervals.append((added, every))
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

    async def _watch_clock(self, scheduler: AsyncIOScheduler, intervals: Sequence[tuple[Job, dict[str, Any]]]) -> None:
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
                for job, every in intervals:
                    job.reschedule("interval", **every)
            scheduler.wakeup()
            last = now

    async def plan(self) -> None:
        """Plan everything due, now or soon, but not before the first ingest after the start."""
        now = self._app.clock()
        if self._send_from is not None and now >= self._send_from:
            self._send_from = None
            self._planned()
        if self._plan_after is not None and now < self._plan_after:
            self.last_tick = now
            return
        try:
            rescheduled, parts, until = await asyncio.to_thread(self._find_due, now)
        except AlreadyRunning as error:
            self._displaced = error
            self._stop.set()
            return
        except DigestdError as error:
            log.error("planning failed", why=str(error), retry=error.retry)
            return
        if rescheduled:
            await self._app.send_alert("clock was ahead", "", CORRECTED.format(rescheduled))
        if parts:
            self._send_from = max(until, self._send_from or until)
        if await self._plan_in_children(parts, now, until):
            self.last_tick = self._app.clock()

    def _find_due(self, now: datetime) -> tuple[int, list[range], datetime]:
        """Return how many schedules were corrected, the row numbers of who is due, for each process, and by when."""
        self._lock.renew()
        require_current(self._app.db)
        rescheduled = update_schedules(self._app.db, now)
        with self._app.db.read() as session:
            until = due.plan_until(session, now)
            return rescheduled, due.split(session, self._children.most, until), until

    async def _plan_in_children(self, parts: Sequence[range], now: datetime, until: datetime) -> bool:
        """Plan each part in a process of its own; return True if all succeeded."""
        total: Counter[str] = Counter()

        def hear(line: Mapping[str, int]) -> None:
            total.update(line)
            if self._app.clock() >= until:
                self._planned()

        times = {"now": now.isoformat(), "until": until.isoformat()}
        arguments = [{"first": keys.start, "end": keys.stop, **times} for keys in parts]
        succeeded = await self._children.run("planning", arguments, self._stop, hear)
        if total["due"]:
            log.info("planned", due=total["due"], planned=total["planned"], empty=total["empty"])
        return succeeded

    async def scrub(self) -> None:
        """Remove erased data from the write-ahead log, which waits for readers."""
        if not await asyncio.to_thread(personal_data.scrub, self._app.db, wait=False):
            log.debug("the write-ahead log is in use; it will be emptied later")

    async def refit(self) -> None:
        await self._children.run("refit", [{}], self._stop)

    async def judge(self) -> None:
        """Have the language model judge papers for those who are due soon, if one does."""
        if self._app.judge_host:
            await self._children.run("judging", [{}], self._stop)

    async def ingest(self) -> None:
        """Fetch new papers from every source."""
        try:
            await self._children.run("ingest", [{}], self._stop)
        finally:
            self._plan_after = None


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
        except Exception as error:  # the next tick tries again
            log.exception("job failed", job=name, kind=type(error).__name__)
        finally:
            del running[name]

    return run
