"""web: the web pages, served until told to stop."""

import asyncio
import contextlib
import errno
import gc
import os
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from digestd import app as wiring
from digestd.app import App
from digestd.cli.service import READY, notify, run_parts, run_until_stopped, with_logging
from digestd.errors import DigestdError
from digestd.web import build
from digestd.web.connection_limits import server_config
from digestd.web.pages import SHOW

log = structlog.get_logger(__name__)
_FULL_GC = 1_000
"""Collections of young objects per full one, which stops all pages for some 80 ms. There is little left for it: pages
leave few reference cycles, and almost all of them are collected young."""


class CannotListen(DigestdError):
    """The web server cannot listen on its address."""


def serve_web() -> None:
    """Run only the web pages.

    For an installation on several machines.

    Example: digestd web
    """
    app = with_logging(wiring.build())
    asyncio.run(run_until_stopped(lambda stop: run_parts([serve_pages(app, stop, None)], stop), ready=False))


async def serve_pages(
    app: App,
    stop: asyncio.Event,
    last_tick: Callable[[], datetime | None] | None,
    started: Callable[[], None] = lambda: None,
    changed: Callable[[], None] = lambda: None,
) -> None:
    """Serve the pages until `stop` is set.

    Args:
        stop: ends the server.
        last_tick: returns when the scheduler in this process last ticked; None without a scheduler.
        started: called once the pages answer.
        changed: called after each request that may have changed something.

    Raises:
        CannotListen: the address or port cannot be used.
    """
    settings = app.settings
    web = build(app, last_tick)
    gc.set_threshold(*gc.get_threshold()[:2], _FULL_GC)

    def begin() -> None:
        log.info("web", url=settings.public_url, listening=f"{settings.web_host}:{settings.web_port}")
        notify(READY)
        started()

    remedy = (
        "set DIGESTD_WEB_HOST to an address of this machine and DIGESTD_WEB_PORT to a free port (only root may use "
        "ports below 1024)"
    )
    await serve(server_config(_calling(changed, web), settings.web_host, settings.web_port), stop, remedy, begin)


def _calling(changed: Callable[[], None], web: ASGIApp) -> ASGIApp:
    """Return the application, which calls `changed` after each request of another method than GET and HEAD."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        await web(scope, receive, send)
        if scope["type"] == "http" and scope["method"] not in SHOW:
            changed()

    return handle


async def serve(
    config: uvicorn.Config, stop: asyncio.Event, remedy: str, started: Callable[[], None] = lambda: None
) -> None:
    """Serve an application until `stop` is set.

    Args:
        config: the application, and where it listens.
        stop: ends the server.
        remedy: what to do if it cannot listen there.
        started: called once it answers.

    Raises:
        CannotListen: the address or port cannot be used.
    """
    server = _Server(config)
    async with _serving(server, stop, remedy):
        while not server.started and not stop.is_set():
            await asyncio.sleep(0.02)
        if server.started:
            started()
        await stop.wait()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, as the service has its own, and without its ten ticks per second.

    Answers get their Date header from `connection_limits.DeadlineProtocol`.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Stop serving."""
        self.should_exit = True
        self._ended.set()

    async def main_loop(self) -> None:
        """Wait for the end."""
        await self._ended.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Leave signals to the service."""
        yield


@contextlib.asynccontextmanager
async def _serving(server: _Server, stop: asyncio.Event, remedy: str) -> AsyncIterator[None]:
    task = asyncio.create_task(_listen(server, stop, remedy))
    try:
        yield
    finally:
        server.end()
        await task


async def _listen(server: _Server, stop: asyncio.Event, remedy: str) -> None:
    try:
        await server.serve()
    except SystemExit as error:
        address = f"{server.config.host}:{server.config.port}"
        raise CannotListen(f"cannot listen on {address}{_cause(error.__context__)}; {remedy}") from error
    finally:
        stop.set()


def _cause(error: BaseException | None) -> str:
    """Return the system's message of the error that made uvicorn exit."""
    if not isinstance(error, OSError):
        return ""
    number = errno.EADDRNOTAVAIL if error.errno is None else error.errno  # since Python 3.13 the number is missing
    return f": {os.strerror(number) if number > 0 else error.strerror}"
