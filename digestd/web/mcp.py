"""Serve the tools of `digestd.assistant` over HTTP at /mcp (MCP, streamable HTTP), for tokens of one subscriber.

Each request is answered by itself, as one JSON document: there are no sessions and no streams to hold open. Host and
Origin must name this installation, so no page of a browser reaches it by another name (DNS rebinding). The port of Host
does not count, as proxies drop it.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from digestd.app import App
from digestd.settings import LOOPBACK
from digestd.web.access import reader_token
from digestd.web.api.auth import TokenGate
from digestd.web.api.problems import problem
from digestd.web.middleware import BODY_MAX

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

PATH = "/mcp"
PER_TOKEN = 2
"""Requests of one token at a time."""
log = structlog.get_logger(__name__)


class AssistantRoute(Route):
    """The route of PATH. It states its name for the log, as FastAPI does for its own routes only."""

    def __init__(self, app: App) -> None:
        super().__init__(PATH, TokenGate(_Door(app), app.db, app.clock, reader_token), methods=["POST"])

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope["route"] = self
        await super().handle(scope, receive, send)


class _Door:
    """Answers requests that have a token."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._new_manager: Callable[[], StreamableHTTPSessionManager] | None = None
        self._running = Counter[int]()
        self._has_warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope)
        token = request.state.token.key
        if status := await run_in_threadpool(_refusal, request, self._app.settings.public_url):
            answer = problem(status, f"ask by the name in DIGESTD_PUBLIC_URL: {self._app.settings.public_url}{PATH}")
            if not self._has_warned:
                sent = {name: request.headers.get(name, "")[:200] for name in ("host", "origin")}
                log.warning("assistant refused: Host or Origin is not that of DIGESTD_PUBLIC_URL", **sent)
            self._has_warned = True
            await answer(scope, receive, send)
            return
        if self._running[token] >= PER_TOKEN:
            answer = problem(429, "this token has other requests running", headers={"Retry-After": "1"})
            await answer(scope, receive, send)
            return
        self._running[token] += 1
        try:
            if self._new_manager is None:
                self._new_manager = await run_in_threadpool(_prepare, self._app)
            manager = self._new_manager()
            async with manager.run():
                await manager.handle_request(scope, receive, send)
        finally:
            self._running -= Counter((token,))


def _refusal(request: Request, public_url: str) -> int:
    """Return the status that refuses a request by another name or from another site; 0 if there is no reason to."""
    ours = _site(public_url)
    origin = request.headers.get("origin")
    if _site(f"http://{request.headers.get('host', '')}")[1] not in {ours[1], *LOOPBACK}:
        return 421
    return 0 if origin is None or _site(origin) == ours else 403


def _site(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port as browsers write them: in lower case, in IDNA, and without the usual port."""
    import httpx2

    try:
        read = httpx2.URL(url)
    except httpx2.InvalidURL:
        return "", "", None
    return read.scheme, read.raw_host.decode(), read.port


def _prepare(app: App) -> "Callable[[], StreamableHTTPSessionManager]":
    """Import the SDK, and return what makes a manager of one request."""
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp.server.transport_security import TransportSecuritySettings

    from digestd.assistant import Access, build_server

    def access(ctx: Any) -> Access:
        token = ctx.request.state.token
        return Access(token.subscriber, token.scopes)

    return partial(
        StreamableHTTPSessionManager,
        build_server(app, access),
        json_response=True,
        stateless=True,
        security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),  # see _refusal
        max_request_body_size=BODY_MAX,
    )
