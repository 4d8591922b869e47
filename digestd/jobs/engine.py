"""Run the jobs of the engine (procrastinate) in this process, next to any number of other processes.

There is one worker of the engine per queue. A worker that ends, for example because the database was restarted or
because others took this process for dead, is replaced by a new one. Every CHECK_SECONDS this process deletes what the
engine has lost (see `store.job_queue`) and makes sure that the schema is still the one that it knows.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import procrastinate
import structlog
from procrastinate.exceptions import ProcrastinateException
from psycopg_pool import PoolTimeout

from digestd.app import App
from digestd.errors import DatabaseUnreachable, DigestdError, NotInitialised
from digestd.jobs import tasks, worker
from digestd.jobs.tasks import JobService
from digestd.store import job_queue
from digestd.store.migrate import require_current

CHECK_SECONDS = 5.0
RESTART_SECONDS = 2.0
STOP_SECONDS = 60.0
"""Jobs that have not ended so long after they were asked to are cancelled."""
POOL_SIZE = 4
POLL_SECONDS = 5.0
"""Interval of looking for jobs without being notified of one."""
CLOCK_SLACK = timedelta(seconds=2)
log = structlog.get_logger(__name__)


class JobRunner:
    """Runs jobs in this process.

    `last_tick` is when any machine last started planning.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self.last_tick: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Run jobs until `stop` is set.

        Raises:
            NotInitialised: The database has the schema of another version, now or later.
        """
        await asyncio.to_thread(job_queue.require_job_tables, self._app.db)
        await asyncio.to_thread(worker.clear_backoff, self._app)
        started = self._app.clock()
        while not stop.is_set():
            service = JobService(self._app, asyncio.Event(), started)
            try:
                await self._run_workers(service, stop)
            except (ProcrastinateException, PoolTimeout) as error:
                log.error("the job engine stopped", kind=type(error.__cause__ or error).__name__, retry=True)
            except DigestdError as error:
                if isinstance(error, NotInitialised):
                    raise
                log.error("the job engine stopped", why=str(error), retry=error.retry)
            except Exception as error:  # new workers start
                log.exception("the job engine stopped", kind=type(error).__name__)
            await worker.sleep(stop, RESTART_SECONDS)

    async def _run_workers(self, service: JobService, stop: asyncio.Event) -> None:
        """Run one worker per queue until `stop` is set or one of them ends."""
        async with _open_engine(self._app) as engine:
            parts = [asyncio.create_task(_run_worker(engine, service, queue)) for queue in tasks.CONCURRENCY]
            parts += [asyncio.create_task(self._check(service)), asyncio.create_task(_wait(stop))]
            try:
                await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            finally:
                service.halt.set()
                for part in parts:
                    part.cancel()
                results = await asyncio.gather(*parts, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _check(self, service: JobService) -> None:
        """Repair what the engine has lost, until the clock is set back.

        The engine would not start periodic jobs until the clock has caught up; a new worker does.

        Raises:
            NotInitialised: The schema is that of another version.
        """
        last = self._app.clock()
        while (now := self._app.clock()) >= last - CLOCK_SLACK:
            last = now
            service.days.forget_old(now)
            try:
                await asyncio.to_thread(self._repair)
            except DatabaseUnreachable as error:
                log.error("cannot check the job queue", why=str(error), retry=error.retry)
            await asyncio.sleep(CHECK_SECONDS)
        log.warning("the clock was set back", by=str(last - now))

    def _repair(self) -> None:
        require_current(self._app.db)
        with self._app.db.write() as session:
            lost = job_queue.delete_lost_jobs(session)
            age = job_queue.seconds_since_tick(session, tasks.PLAN)
        if lost:
            log.warning("deleted the jobs of dead workers; the next tick repeats them", jobs=", ".join(lost))
        self.last_tick = None if age is None else self._app.clock() - timedelta(seconds=age)


@contextlib.asynccontextmanager
async def _open_engine(app: App) -> AsyncIterator[procrastinate.App]:
    connector = procrastinate.PsycopgConnector(conninfo=app.db.conninfo, min_size=1, max_size=POOL_SIZE)
    engine = procrastinate.App(connector=connector)
    engine.add_tasks_from(tasks.tasks, namespace="")
    async with engine.open_async():
        yield engine


async def _run_worker(engine: procrastinate.App, service: JobService, queue: str) -> None:
    await engine.run_worker_async(
        queues=[queue],
        name=queue,
        concurrency=tasks.CONCURRENCY[queue],
        delete_jobs="always",
        additional_context={"service": service},
        install_signal_handlers=False,
        fetch_job_polling_interval=POLL_SECONDS,
        update_heartbeat_interval=job_queue.HEARTBEAT_SECONDS,
        stalled_worker_timeout=job_queue.DEAD_SECONDS,
        shutdown_graceful_timeout=STOP_SECONDS,
    )


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()
