"""The web pages, served until told to stop. Loaded only by the commands that serve them."""

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import structlog
import uvicorn

from digestd.app import App
from digestd.errors import DigestdError
from digestd.web import build
from digestd.web.serving import serving

log = structlog.get_logger(__name__)


class CannotListen(DigestdError):
    """The web pages cannot be served on this address."""


async def serve_pages(
    app: App,
    stop: asyncio.Event,
    last_tick: Callable[[], datetime | None] | None,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Until `stop`; `started` is called once they answer."""
    settings = app.settings
    web = build(app, last_tick)
    server = _Server(serving(web, settings.web_host, settings.web_port))
    async with _serving(server, stop):
        while not server.started and not stop.is_set():
            await asyncio.sleep(0.02)
        if server.started:
            log.info("web", url=settings.public_url, listening=f"{settings.web_host}:{settings.web_port}")
            web.state.today.begin(app.clock())
            started()
        await stop.wait()


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the service has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Leave signals alone."""
        yield


@contextlib.asynccontextmanager
async def _serving(server: uvicorn.Server, stop: asyncio.Event) -> AsyncIterator[None]:
    task = asyncio.create_task(_listen(server, stop))
    try:
        yield
    finally:
        server.should_exit = True
        await task


async def _listen(server: uvicorn.Server, stop: asyncio.Event) -> None:
    try:
        await server.serve()
    except SystemExit as error:
        place = f"{server.config.host}:{server.config.port}"
        raise CannotListen(
            f"cannot listen on {place}{_why(error.__context__)}; set DIGESTD_WEB_HOST to an address of this machine "
            "and DIGESTD_WEB_PORT to a port that is free (below 1024 only root may)"
        ) from error
    finally:
        stop.set()


def _why(error: BaseException | None) -> str:
    """What the system said, which uvicorn met before it gave up."""
    if not isinstance(error, OSError):
        return ""
    number = errno.EADDRNOTAVAIL if error.errno is None else error.errno  # from Python 3.13 on it is passed over
    return f": {os.strerror(number) if number > 0 else error.strerror}"
