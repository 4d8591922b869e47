"""Serve the tools of `digestd.assistant` over HTTP at /mcp (MCP, streamable HTTP), for tokens of one subscriber.

Each request is answered by itself, as one JSON document: there are no sessions and no streams to hold open. Requests of
the pages of other sites are refused by their Origin, as MCP demands, whatever name they reach this installation by.
"""

from asyncio import Lock
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from digestd.app import App
from digestd.web.api.auth import TokenGate
from digestd.web.api.problems import problem
from digestd.web.middleware import BODY_MAX

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

PATH = "/mcp"
PER_TOKEN = 4
"""Requests of one token that run or wait: one runs at a time, so that no token takes the threads from others."""


class AssistantRoute(Route):
    """The route of PATH. It states its name for the log, as FastAPI does for its own routes only."""

    def __init__(self, app: App) -> None:
        super().__init__(PATH, TokenGate(_Door(app), app.db, app.clock, is_reader=True), methods=["POST"])

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope["route"] = self
        await super().handle(scope, receive, send)


class _Door:
    """Answers requests that have a token."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._new_manager: Callable[[], StreamableHTTPSessionManager] | None = None
        self._places = Counter[int]()
        self._turns = defaultdict[int, Lock](Lock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request, home = Request(scope), self._app.settings.public_url
        token = request.state.token.key
        refused = None
        if _origin(request.headers.get("origin", home)) != _origin(home):
            refused = problem(403, f"pages of other sites than DIGESTD_PUBLIC_URL ({home}) must not ask")
        elif self._places[token] >= PER_TOKEN:
            refused = problem(429, "busy: this token has other requests running", headers={"Retry-After": "1"})
        if refused:
            await refused(scope, receive, send)
            return
        self._places[token] += 1
        try:
            async with self._turns[token]:
                await self._answer(scope, receive, send)
        finally:
            self._places -= Counter((token,))
            if not self._places[token]:
                del self._turns[token]

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._new_manager is None:
            self._new_manager = await run_in_threadpool(_prepare, self._app)
        manager = self._new_manager()
        async with manager.run():
            await manager.handle_request(scope, receive, send)


def _origin(url: str) -> list[str]:
    """Return scheme and host of a URL, in lower case as browsers write them."""
    return url.lower().split("/", 3)[:3]


def _prepare(app: App) -> "Callable[[], StreamableHTTPSessionManager]":
    """Import the SDK, and return what makes a manager of one request."""
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp.server.transport_security import TransportSecuritySettings

    from digestd.assistant import Access, build_server

    def access(ctx: Any) -> Access:
        token = ctx.request.state.token
        return Access(token.subscriber, token.scopes, ctx.request.state.spend)

    return partial(
        StreamableHTTPSessionManager,
        build_server(app, access),
        json_response=True,
        stateless=True,
        security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),  # see above
        max_request_body_size=BODY_MAX,
    )
