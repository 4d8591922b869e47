"""Every kind of work as a job of the engine (procrastinate), and when the periodic ones run.

A periodic job reads from the database what is due. Any machine may start it; the engine starts it once per tick. Jobs
for one shard of subscribers are added in the transaction that they follow from. Jobs may be lost, run late or run
twice: the next tick finds in the database what was not done, and doing it twice changes nothing there. Therefore
planning and delivery hold no lock of the engine, which a machine that dies would leave behind. Only work that would be
wasted when done twice at once does: reading a source, asking the language model, fitting a model.

Queues, each with its number of jobs per process: `ticks` for what is short, `planning` and `delivery` for what keeps a
core busy, `network` for what waits for others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import structlog
from procrastinate import Blueprint, JobContext
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Job
from sqlmodel import Session

from digestd.app import App
from digestd.digests.planner import PlanningDays, PlanReport, plan_keys
from digestd.digests.rescheduling import CORRECTED, update_schedules
from digestd.errors import DigestdError
from digestd.jobs import chores, worker
from digestd.jobs.children import ChildProcesses
from digestd.jobs.chores import Chores
from digestd.jobs.receiver import Receiver
from digestd.jobs.scheduler import STARTUP_DELAY
from digestd.replies.mailboxes.lmtp import LmtpServer
from digestd.sources.source import EnrichmentSource, Source
from digestd.store import due, job_queue
from digestd.store.ledger import restore
from digestd.store.migrate import require_current
from digestd.store.papers import sources

CONCURRENCY: Mapping[str, int] = {"ticks": 2, "planning": 1, "delivery": 1, "network": 6}
"""Jobs that one process runs at a time, by queue."""
SHARD_KEYS = 1_000
"""Row numbers of subscribers per planning job. About one in 24 of them is due in an hour."""
PLAN = "plan"
"""The name of the job that finds who is due."""
tasks = Blueprint()
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class JobService:
    """Parts that the jobs of one process share.

    Attributes:
        halt: Set when jobs must come to an end.
        started: When the process started.
        days: The papers that were read for planning.
        chores: The periodic work that both runners have.
    """

    app: App
    halt: asyncio.Event
    started: datetime
    days: PlanningDays = field(default_factory=PlanningDays)
    chores: Chores = field(init=False)

    def __post_init__(self) -> None:
        self.chores = Chores(self.app, self.should_continue)

    def should_continue(self) -> bool:
        return not self.halt.is_set()


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job, by a worker of the engine."""

    service: JobService
    worker: int

    @property
    def app(self) -> App:
        return self.service.app


JobFunction = Callable[..., Awaitable[None]]


def job(name: str, queue: str, *, every: str = "", only_one: bool = False) -> Callable[[JobFunction], JobFunction]:
    """Register a function as a job. Its errors are logged and end nothing else.

    Args:
        name: the name of the job.
        queue: where it waits.
        every: when it is started, as a cron line whose sixth field is the second; never by itself if empty.
        only_one: no other job of this name runs at the same time.
    """

    def register(function: JobFunction) -> JobFunction:
        async def run(context: JobContext, /, **arguments: Any) -> None:
            arguments.pop("timestamp", None)  # of a periodic job; the database knows what is due
            made = JobRun(context.additional_context["service"], context.job.worker_id or 0)
            try:
                async with asyncio.timeout(job_queue.JOB_SECONDS_MAX / 2):
                    await asyncio.to_thread(require_current, made.app.db)
                    await function(made, **arguments)
            except AlreadyEnqueued:
                log.debug("another machine has added the same jobs", job=name)
            except DigestdError as error:
                log.error("job failed", job=name, why=str(error), retry=error.retry)
            except Exception as error:  # the next tick tries again
                log.exception("job failed", job=name, kind=type(error).__name__)

        lock = name if only_one else None
        task = tasks.task(name=name, queue=queue, pass_context=True, lock=lock, queueing_lock=name if every else None)(
            run
        )
        if every:
            tasks.periodic(cron=every)(cast(Any, task))  # `run` takes and ignores the time of the tick
        return function

    return register


EVERY_5_SECONDS, EVERY_10_SECONDS, EVERY_15_SECONDS = (f"* * * * * */{seconds}" for seconds in (5, 10, 15))
EVERY_MINUTE, EVERY_5_MINUTES, EVERY_10_MINUTES, EVERY_15_MINUTES = (
    f"*/{minutes} * * * *" for minutes in (1, 5, 10, 15)
)
EVERY_HOUR = "7 * * * *"


@job(PLAN, "ticks", every=EVERY_15_SECONDS)
async def find_due(run: JobRun) -> None:
    if rescheduled := await asyncio.to_thread(_find_due, run):
        await run.app.send_alert("clock was ahead", "", CORRECTED.format(rescheduled))


def _find_due(run: JobRun) -> int:
    app, now = run.app, run.app.clock()
    if now < run.service.started + STARTUP_DELAY and any(
        not isinstance(source, EnrichmentSource) for source in overdue_sources(app, now)
    ):
        return 0  # after an outage, overdue digests contain the papers that were missed
    rescheduled = update_schedules(app.db, now)
    with app.db.write() as session:
        firsts = due.shards(session, SHARD_KEYS, due.plan_until(session, now))
        job_queue.add_jobs(
            session, [new_job("plan shard", "planning", f"plan {first}", first=first) for first in firsts]
        )
    return rescheduled


@job("plan shard", "planning")
async def plan_shard(run: JobRun, first: int) -> None:
    report = await asyncio.to_thread(_plan_shard, run, first)
    if report.due:
        log.info("planned", shard=first, due=report.due, planned=report.planned, empty=report.empty)


def _plan_shard(run: JobRun, first: int) -> PlanReport:
    app, service = run.app, run.service
    restore.require_resumed(app.db)
    now = app.clock()
    with app.db.read() as session:
        until = due.plan_until(session, now)
    return plan_keys(
        app.db,
        replace(app.planner, on_planned=_add_delivery),
        range(first, first + SHARD_KEYS),
        now,
        until=until,
        days=service.days,
        should_continue=service.should_continue,
    )


def _add_delivery(session: Session) -> None:
    job_queue.add_jobs(session, [new_job("deliver", "delivery")])


@job("deliver", "delivery", every=EVERY_5_SECONDS)
async def deliver(run: JobRun) -> None:
    """Send until nothing is ready. Workers that run this at the same time share the mails."""
    await worker.deliver_ready(run.app, run.service.halt, job_queue.new_owner(run.worker))


@job("post to chat rooms", "network", every=EVERY_15_SECONDS, only_one=True)
async def post_to_chat(run: JobRun) -> None:
    owner = job_queue.new_owner(run.worker)
    await worker.post_to_chat(run.app, run.service.halt, owner=owner)


@job("clean up", "ticks", every=EVERY_10_SECONDS)
async def clean_up(run: JobRun) -> None:
    """Take over from dead workers, settle bounced mails, expire late ones."""
    await asyncio.to_thread(worker.clean_up, run.app, run.app.clock())


@job("settle", "ticks", every=EVERY_MINUTE, only_one=True)
async def settle(run: JobRun) -> None:
    await worker.settle_and_alert(run.app)


@job("upkeep", "ticks", every=EVERY_HOUR, only_one=True)
async def upkeep(run: JobRun) -> None:
    """Delete what has expired, and what is older than the operator keeps."""
    await asyncio.to_thread(worker.delete_expired, run.app, run.app.clock())
    await run.service.chores.prune()


@job("ping", "network", every=EVERY_5_MINUTES, only_one=True)
async def ping(run: JobRun) -> None:
    await run.service.chores.ping()


@job("find sources", "ticks", every=EVERY_MINUTE)
async def find_sources(run: JobRun) -> None:
    await asyncio.to_thread(_find_sources, run.app)


def _find_sources(app: App) -> None:
    found = overdue_sources(app, app.clock())
    with app.db.write() as session:
        job_queue.add_jobs(
            session,
            [
                new_job("ingest", "network", lock := f"ingest {source.name}", lock=lock, source=source.name)
                for source in sorted(found, key=lambda source: isinstance(source, EnrichmentSource))
            ],
        )


def overdue_sources(app: App, now: datetime) -> list[Source]:
    """Return the sources that were not read for as long as DIGESTD_INGEST_INTERVAL_MINUTES says."""
    chosen, before = app.sources, now - timedelta(minutes=app.settings.ingest_interval_minutes)
    with app.db.read() as session:
        latest = sources.latest_fetches(session)
    never = datetime.min.replace(tzinfo=UTC)
    tries = {source.name: latest[source.name].fetched if source.name in latest else never for source in chosen}
    return [source for source in chosen if not before < tries[source.name] <= now + timedelta(hours=1)]


@job("ingest", "network")
async def read_source(run: JobRun, source: str) -> None:
    app = run.app
    chosen = [each for each in await asyncio.to_thread(overdue_sources, app, app.clock()) if each.name == source]
    await chores.read_sources(app, chosen, run.service.should_continue)


@job("refit", "network", every=EVERY_15_MINUTES, only_one=True)
async def refit(run: JobRun) -> None:
    await ChildProcesses(run.app).run("refit", [{}], run.service.halt)


@job("gists", "network", every=EVERY_MINUTE, only_one=True)
async def write_gists(run: JobRun) -> None:
    await run.service.chores.write_gists()


@job("judging", "network", every=EVERY_10_MINUTES, only_one=True)
async def judge(run: JobRun) -> None:
    """Have the language model judge papers for those who are due soon, if one does."""
    if run.app.judge_host:
        await ChildProcesses(run.app).run("judging", [{}], run.service.halt)


@job("webhooks", "network", every=EVERY_5_SECONDS, only_one=True)
async def post_webhooks(run: JobRun) -> None:
    await chores.post_webhooks(run.app)


@job("libraries", "network", every=EVERY_15_SECONDS)
async def sync_libraries(run: JobRun) -> None:
    await chores.sync_libraries(run.app)


@job("lookups", "network", every=EVERY_15_SECONDS)
async def look_up_papers(run: JobRun) -> None:
    await chores.look_up_papers(run.app)


@job("inbound", "network", every=EVERY_MINUTE, only_one=True)
async def read_mailbox(run: JobRun) -> None:
    """Read bounces, complaints and commands, unless an LMTP server receives them."""
    endpoint = run.app.inbound
    if endpoint is None or isinstance(endpoint, LmtpServer):
        return
    with Receiver.open(run.app) as receiver:
        counts = await receiver.poll_once(endpoint, run.service.halt)
    if counts:
        log.info("received mail", **{outcome.value: count for outcome, count in counts.items()})


def new_job(
    name: str, queue: str, queueing_lock: str | None = None, *, lock: str | None = None, **arguments: Any
) -> Job:
    """Return a job to add. Of jobs with the same queueing lock only one waits, of those with the same lock one runs."""
    return Job(task_name=name, queue=queue, lock=lock, queueing_lock=queueing_lock, task_kwargs=arguments)
