"""up: the complete service in one process."""

import asyncio
from collections.abc import Callable

import structlog

from digestd import app as wiring
from digestd.app import App
from digestd.cli.service import run_parts, run_until_stopped, with_logging
from digestd.cli.web import serve_pages
from digestd.jobs.receiver import receive
from digestd.jobs.scheduler import NAME, Scheduler
from digestd.jobs.worker import look_up_papers, post_webhooks, sync_libraries, work

log = structlog.get_logger(__name__)


def up() -> None:
    """Run the complete service in one process.

    Runs ingest, planning, delivery, the inbound mailbox and the web pages until SIGTERM or Ctrl-C.

    Example: digestd up
    """
    with wiring.alone(NAME) as app:
        app.restore_guard.check(app.clock())
        asyncio.run(serve(with_logging(app)))


async def serve(app: App, started: Callable[[], None] = lambda: None) -> None:
    """Run scheduler, worker, inbound and web pages until SIGTERM or SIGINT.

    Args:
        app: the installation, initialised.
        started: called once the pages answer.
    """
    metronome = Scheduler(app)

    async def run_all(stop: asyncio.Event) -> None:
        parts = [serve_pages(app, stop, lambda: metronome.last_tick, started), metronome.run(stop), work(app, stop)]
        parts += [post_webhooks(app, stop), sync_libraries(app, stop), look_up_papers(app, stop)]
        if app.settings.inbound_url:
            parts.append(receive(app, stop))
        await run_parts(parts, stop)

    await run_until_stopped(run_all)
    log.info("stopped")
