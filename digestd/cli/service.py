"""Shared parts of the long-running commands: logging, running parts until one ends, and sd_notify(3)."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from digestd import tracing
from digestd.app import App
from digestd.logs import configure
from digestd.security.parser_process import ConfinementFailed, probe

_T = TypeVar("_T")
log = structlog.get_logger(__name__)


def with_logging(app: App) -> App:
    """Configure logging for a service.

    Log what an operator should know at its start.
    """
    configure(app.settings.log_format, app.settings.log_level)
    tracing.configure(app.settings.sentry_dsn)
    if app.settings.now:
        log.warning("the clock was set", now=app.clock().isoformat(timespec="seconds"))
    log_confinement_gaps()
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
