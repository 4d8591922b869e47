"""up and worker: the complete service, or a process that shares its work."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from digestd import app as wiring
from digestd.app import App
from digestd.cli.service import run_parts, run_until_stopped, with_logging
from digestd.jobs.children import ChildProcesses
from digestd.jobs.worker import look_up_papers, post_webhooks, serve_chat, sync_libraries, work
from digestd.replies.mailboxes.lmtp import LmtpServer
from digestd.store.processes import SCHEDULER, HeldLock

if TYPE_CHECKING:
    from digestd.jobs.engine import JobRunner
    from digestd.jobs.scheduler import Scheduler

Part = Callable[[App, asyncio.Event, asyncio.Event], Coroutine[Any, Any, None]]
"""A part of the service: it runs until the first event is set, and looks for work when the second is."""
_BESIDE_MAIL = (serve_chat, post_webhooks, sync_libraries, look_up_papers)
"""The work of the inline runner, apart from sending mail."""
log = structlog.get_logger(__name__)


def up() -> None:
    """Run the complete service.

    Runs ingest, planning, delivery, the inbound mailbox and the web pages until SIGTERM or Ctrl-C. Ingest, planning and
    the delivery of many mails run in more processes, which end with this work; DIGESTD_PROCESSES limits them. With
    DIGESTD_RUNNER=procrastinate it shares all work with `digestd up` and `digestd worker` on other machines.

    Example: digestd up
    """
    with wiring.alone(SCHEDULER) as (app, lock):
        app.restore_guard.check(app.clock())
        asyncio.run(serve(with_logging(app), lock))


async def serve(app: App, lock: HeldLock, started: Callable[[], None] = lambda: None) -> None:
    """Run jobs, inbound and web pages until SIGTERM or SIGINT.

    Args:
        app: the installation, initialised.
        lock: the lock that makes this the only inline runner of the database.
        started: called once the pages answer.
    """

    from digestd.cli.web import serve_pages
    from digestd.jobs.receiver import receive

    async def run_all(stop: asyncio.Event) -> None:
        inline: Sequence[Part] = ()
        if app.settings.runner == "inline":
            inline = (partial(work, children=ChildProcesses(app)), *_BESIDE_MAIL)
        wakes = [asyncio.Event() for _ in inline]

        def wake_all() -> None:
            for wake in wakes:
                wake.set()

        runner = _runner(app, lock, wake_all)
        parts = [serve_pages(app, stop, lambda: runner.last_tick, started, wake_all), runner.run(stop)]
        parts += [part(app, stop, wake) for part, wake in zip(inline, wakes, strict=True)]
        if isinstance(app.inbound, LmtpServer) or (app.inbound and app.settings.runner == "inline"):
            parts.append(receive(app, stop))
        await run_parts(parts, stop)

    await run_until_stopped(run_all, ready=False)
    log.info("stopped")


def _runner(app: App, lock: HeldLock, planned: Callable[[], None]) -> "Scheduler | JobRunner":
    if app.settings.runner == "inline":
        from digestd.jobs.scheduler import Scheduler

        return Scheduler(app, lock, planned)
    from digestd.jobs.engine import JobRunner  # most installations never load the engine

    return JobRunner(app)


def run_worker() -> None:
    """Run the jobs of several machines, or only delivery.

    With DIGESTD_RUNNER=procrastinate, workers on any number of machines share all work: sources, planning, delivery,
    the inbound mailbox and upkeep. With the inline runner a worker only delivers, next to `digestd up`. Start as many
    workers as you like.

    Example: digestd worker
    """
    app = with_logging(wiring.build())
    app.restore_guard.check(app.clock())
    if app.settings.runner == "procrastinate":
        from digestd.jobs.engine import JobRunner  # most installations never load the engine

        asyncio.run(run_until_stopped(lambda stop: run_parts([JobRunner(app).run(stop)], stop)))
        return
    parts = (work, *_BESIDE_MAIL)
    asyncio.run(run_until_stopped(lambda stop: run_parts([part(app, stop) for part in parts], stop)))
