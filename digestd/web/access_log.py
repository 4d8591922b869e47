"""Log method, route, status and duration of each request.

Never log a path, query, address or body.

Paths contain tokens, and exception texts may contain addresses. So the log contains the pattern of the route, and for
errors their type and the places in the code.
"""

import time
from collections.abc import Callable

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digestd.logs import stack_locations

log = structlog.get_logger(__name__)


class AccessLog:
    """ASGI middleware that logs each answer.

    `broken` returns the page for unexpected errors.
    """

    def __init__(self, app: ASGIApp, broken: Callable[[Scope], Response]) -> None:
        self._app = app
        self._broken = broken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        start = time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as fault:
            log.error(
                "web fault", route=_route(scope), kind=type(fault).__name__, places=stack_locations(fault.__traceback__)
            )
            if not status:
                await self._broken(scope)(scope, receive, noting)
            # otherwise an answer was already sent; raising again would only log the text of the error
        finally:
            ms = round((time.perf_counter() - start) * 1000, 1)
            level = log.debug if _route(scope) in _CHATTER else log.info
            level("web", method=_method(scope), route=_route(scope), status=status, ms=ms)


_CHATTER = frozenset({"/healthz", "/readyz", "/metrics", "/static/{name}"})


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "(none)")


def _method(scope: Scope) -> str:
    """Return a known method. Clients may send any word."""
    method = scope["method"]
    return method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "(other)"
