"""up: the complete service in one process."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from digestd import app as wiring
from digestd.app import App
from digestd.cli.service import run_parts, run_until_stopped, with_logging
from digestd.cli.web import serve_pages
from digestd.jobs.receiver import receive
from digestd.jobs.scheduler import NAME, Scheduler
from digestd.jobs.worker import look_up_papers, post_webhooks, sync_libraries, work
from digestd.replies.mailboxes.lmtp import LmtpServer
from digestd.store.process_locks import HeldLock

if TYPE_CHECKING:
    from digestd.jobs.engine import JobRunner

log = structlog.get_logger(__name__)


def up() -> None:
    """Run the complete service in one process.

    Runs ingest, planning, delivery, the inbound mailbox and the web pages until SIGTERM or Ctrl-C. With
    DIGESTD_RUNNER=procrastinate it shares this work with `digestd up` and `digestd worker` on other machines.

    Example: digestd up
    """
    with wiring.alone(NAME) as (app, lock):
        app.restore_guard.check(app.clock())
        asyncio.run(serve(with_logging(app), lock))


async def serve(app: App, lock: HeldLock, started: Callable[[], None] = lambda: None) -> None:
    """Run jobs, inbound and web pages until SIGTERM or SIGINT.

    Args:
        app: the installation, initialised.
        lock: the lock that makes this the only inline runner of the database.
        started: called once the pages answer.
    """

    async def run_all(stop: asyncio.Event) -> None:
        runner = _runner(app, lock)
        parts = [serve_pages(app, stop, lambda: runner.last_tick, started), runner.run(stop)]
        if app.settings.runner == "inline":
            parts += [work(app, stop), post_webhooks(app, stop), sync_libraries(app, stop), look_up_papers(app, stop)]
        if isinstance(app.inbound, LmtpServer) or (app.inbound and app.settings.runner == "inline"):
            parts.append(receive(app, stop))
        await run_parts(parts, stop)

    await run_until_stopped(run_all, ready=False)
    log.info("stopped")


def _runner(app: App, lock: HeldLock) -> "Scheduler | JobRunner":
    if app.settings.runner == "inline":
        return Scheduler(app, lock)
    from digestd.jobs.engine import JobRunner  # noqa: PLC0415  # most installations never load the engine

    return JobRunner(app)
