"""up and worker; and what long-running commands share.

These are logging, running parts until one ends, and sd_notify(3). What runs is imported when it starts, because
`digestd web` needs little of it.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from digestd import app as wiring
from digestd import tracing
from digestd.app import App
from digestd.errors import BadSetting
from digestd.logs import configure
from digestd.security.parser_process import ConfinementFailed, probe
from digestd.store.processes import SCHEDULER, HeldLock

if TYPE_CHECKING:
    from digestd.jobs.engine import JobRunner
    from digestd.jobs.scheduler import Scheduler

_T = TypeVar("_T")
Part = Callable[[App, asyncio.Event, asyncio.Event], Coroutine[Any, Any, None]]
"""A part of the service: it runs until the first event is set, and looks for work when the second is."""
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
    from digestd.jobs.children import ChildProcesses
    from digestd.jobs.receiver import receive
    from digestd.jobs.worker import BESIDE_MAIL, work
    from digestd.replies.mailboxes.lmtp import LmtpServer

    async def run_all(stop: asyncio.Event) -> None:
        inline: Sequence[Part] = ()
        if app.settings.runner == "inline":
            inline = (partial(work, children=ChildProcesses(app)), *BESIDE_MAIL)
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
    from digestd.jobs.worker import BESIDE_MAIL, work

    parts = (work, *BESIDE_MAIL)
    asyncio.run(run_until_stopped(lambda stop: run_parts([part(app, stop, asyncio.Event()) for part in parts], stop)))


def with_logging(app: App) -> App:
    """Configure logging for a service.

    Log what an operator should know at its start.
    """
    configure(app.settings.log_format, app.settings.log_level)
    tracing.configure(app.settings.sentry_dsn)
    if app.settings.now:
        log.warning("the clock was set", now=app.clock().isoformat(timespec="seconds"))
    log_confinement_gaps()
    try:
        app.templates.check()
    except BadSetting as error:  # what it makes is held or fails by itself; the rest works
        log.error("a template has an error", why=str(error))
    return app


def log_confinement_gaps() -> None:
    """Log what the parser sandbox leaves open on this machine."""
    try:
        gaps = probe().gaps
    except ConfinementFailed as error:
        log.error("parsers cannot be confined", why=str(error))
        return
    for gap in gaps:
        log.warning("parsers are not fully confined", gap=gap)


async def run_until_stopped(part: Callable[[asyncio.Event], Awaitable[_T]], *, ready: bool = True) -> _T:
    """Run `part` with an event that SIGTERM and SIGINT set.

    Args:
        part: what to run.
        ready: whether systemd is told at once that the service is ready; else `part` tells it.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, _stop, stop)
    watchdog = asyncio.create_task(keep_watchdog())
    if ready:
        notify(READY)
    try:
        return await part(stop)
    finally:
        watchdog.cancel()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(signum)


def _stop(stop: asyncio.Event) -> None:
    notify(STOPPING)
    stop.set()


async def run_parts(parts: Sequence[Awaitable[None]], stop: asyncio.Event) -> None:
    """Run the parts of a service.

    When one ends, stop the others; then raise the first error.
    """
    results = await asyncio.gather(*(_stopping(part, stop) for part in parts), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _stopping(part: Awaitable[None], stop: asyncio.Event) -> None:
    try:
        await part
    finally:
        stop.set()


READY = "READY=1"
STOPPING = "STOPPING=1"
_ALIVE = "WATCHDOG=1"


def notify(state: str) -> None:
    """Send a state to systemd; an answer is neither given nor needed."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect("\0" + address[1:] if address.startswith("@") else address)
        sender.sendall(state.encode())


async def keep_watchdog() -> None:
    """Report twice per watchdog interval that the event loop turns, until cancelled.

    If it hangs, systemd kills the process with SIGABRT and starts it again.
    """
    interval = os.environ.get("WATCHDOG_USEC", "")
    if not interval.isdecimal() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return
    while True:
        notify(_ALIVE)
        await asyncio.sleep(int(interval) / 2_000_000)
