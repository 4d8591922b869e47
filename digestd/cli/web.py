"""web, and preview --serve: pages, served until told to stop.

A digest in the browser follows changes of the templates: its papers are chosen once, the templates are read again for
every request. The page asks twice a second whether they have changed, and reloads its parts then.
"""

import asyncio
import contextlib
import errno
import gc
import os
import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from digestd import app as wiring
from digestd.app import App
from digestd.cli.service import READY, notify, run_parts, run_until_stopped, with_logging
from digestd.cli.stdio import say
from digestd.delivery.composer import Composer
from digestd.domain.delivery import Claim
from digestd.errors import BadSetting, DigestdError
from digestd.mail.templates import Templates
from digestd.tracing import NO_TELEMETRY
from digestd.web import build
from digestd.web.connection_limits import server_config
from digestd.web.pages import SHOW

log = structlog.get_logger(__name__)
_FULL_GC = 1_000
"""Collections of young objects per full one, which stops all pages for some 50 ms; what is there at the start would
take as long again, and is left out. There is little left for it: pages leave few reference cycles, and almost all of
them are collected young."""


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
    gc.freeze()

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
        self.should_exit = True
        self._ended.set()

    async def main_loop(self) -> None:
        await self._ended.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
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


HOST = "127.0.0.1"
"""Serve a preview on this machine only: the links of the mail act for the subscriber."""


def serve_preview(app: App, composer: Composer, claim: Claim, port: int) -> None:
    web = build_preview(composer, claim, app.read_templates)
    say(f"the digest is at http://{HOST}:{port}/ and follows changes of the templates; Ctrl+C stops")
    asyncio.run(run_until_stopped(lambda stop: serve(server_config(web, HOST, port), stop, _REMEDY)))


def build_preview(composer: Composer, claim: Claim, read_templates: Callable[[], Templates]) -> FastAPI:
    """Return the application: a page with the mail in several widths, its text part, and what the lint finds."""
    web = FastAPI(openapi_url=None, telemetry=NO_TELEMETRY)
    # another site must not read the subscriber's links by a name that resolves to this machine
    web.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])

    def current() -> Composer:
        composer.templates = read_templates().check()
        return composer

    @web.exception_handler(BadSetting)
    def show_error(_request: Request, error: Exception) -> Response:
        return PlainTextResponse(f"The templates have an error:\n\n{error}\n", status_code=500)

    @web.get("/")
    def page() -> Response:
        return HTMLResponse(_PAGE)

    @web.get("/version")
    def version() -> Response:
        return PlainTextResponse(read_templates().hash)

    @web.get("/{part}")
    def show(part: str) -> Response:
        return _PARTS[part](current(), claim) if part in _PARTS else Response(status_code=404)

    return web


def _findings(composer: Composer, claim: Claim) -> Response:
    found = [f"{one.severity}: {one.rule}, {one.where}: {one.message}" for one in composer.lint(claim)]
    return PlainTextResponse("\n".join(found) or "no findings: the mail is ready to be sent")


_DARK_ONLY = re.compile(r"\(prefers-color-scheme:\s*dark\)")
_PARTS: dict[str, Callable[[Composer, Claim], Response]] = {
    "mail.html": lambda composer, claim: HTMLResponse(composer.render(claim).html),
    "dark.html": lambda composer, claim: HTMLResponse(_DARK_ONLY.sub("(min-width: 0)", composer.render(claim).html)),
    "mail.txt": lambda composer, claim: PlainTextResponse(composer.render(claim).text),
    "lint.txt": _findings,
}
_REMEDY = "choose a free port with --port"
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Preview</title>
<style>
body { margin: 0; display: flex; flex-wrap: wrap; gap: 16px; padding: 16px; font: 14px/20px sans-serif; }
figure { margin: 0; }
iframe { height: 85vh; border: 1px solid #999; background: #fff; }
</style>
</head>
<body>
<figure><figcaption>680 pixels</figcaption><iframe src="/mail.html" width="680" title="Mail, wide"></iframe></figure>
<figure><figcaption>Dark</figcaption><iframe src="/dark.html" width="680" title="Mail, dark"></iframe></figure>
<figure><figcaption>360 pixels</figcaption><iframe src="/mail.html" width="360" title="Mail, narrow"></iframe></figure>
<figure><figcaption>Text part</figcaption><iframe src="/mail.txt" width="680" title="Text part"></iframe></figure>
<figure><figcaption>Lint</figcaption><iframe src="/lint.txt" width="680" title="Findings"></iframe></figure>
<script>
let shown;
setInterval(async () => {
  const version = await fetch("/version").then(answer => answer.text()).catch(() => shown);
  if (shown && version !== shown) document.querySelectorAll("iframe").forEach(frame => frame.src = frame.src);
  shown = version;
}, 500);
</script>
</body>
</html>
"""
