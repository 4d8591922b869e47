"""Wrap the pages: security headers, a log without secrets, limits on bodies.

Security headers: no foreign content, frames, sniffing, indexing or referrers. A page may set its own value for any
header; the defaults are the strictest.

Once a request has committed what it asks for, it has not failed, whatever becomes of the answer (`unless_done`).

The log has method, route, status and duration of each request, never a path, query, address or body: paths contain
tokens, and exception texts may contain addresses. So it contains the pattern of the route, and for errors their type
and the places in the code.

Bodies are limited to 16 kB within ten seconds, more for whoever has a link or is a mail provider. Each is read before
it is passed on. Of a larger one a megabyte is read and dropped before the refusal, because a proxy that still writes
when the connection ends answers 502 instead.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digestd.logs import stack_locations
from digestd.store.database import is_last_write_committed, watch_writes

Handlers: TypeAlias = dict[int | type[Exception], Any]
"""What FastAPI answers to exceptions."""
log = structlog.get_logger(__name__)

_NOTHING = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
OWN_PAGES = f"{_NOTHING}; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'"
INLINE_STYLE = f"{_NOTHING}; style-src 'unsafe-inline'; form-action 'none'"
"""For a digest in the browser, which has inline styles and no scripts."""
_FEATURES = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "clipboard-read", "display-capture",
    "encrypted-media", "fullscreen", "gamepad", "geolocation", "gyroscope", "hid", "idle-detection", "local-fonts",
    "magnetometer", "microphone", "midi", "payment", "picture-in-picture", "publickey-credentials-get",
    "screen-wake-lock", "serial", "storage-access", "usb", "window-management", "xr-spatial-tracking",
)  # fmt: skip
"""Browser features that no page needs."""

STRICT = {
    "Content-Security-Policy": OWN_PAGES,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _FEATURES),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}
"""One year, without subdomains: digestd does not decide for other hosts of the domain."""
BODY_MAX = 16 * 1024
BODY_SECONDS = 10.0
"""Time limit of a body, for each MiB that it may have."""
_MIB = 1024 * 1024
_DROPPED = _MIB
LARGE_AT_ONCE = 4
"""Bodies of more than one MiB that are received and answered at a time, one for each owner."""
_PIECE = 64 * 1024
LARGE, SLOW, BUSY = 413, 408, 503
_CHATTER = frozenset({"/healthz", "/readyz", "/metrics", "/static/{name}"})


class SecurityHeaders:
    """ASGI middleware that adds missing headers.

    `https`: True if the public URL uses HTTPS.
    """

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self._app = app
        self._added = {**STRICT, **(HTTPS_ONLY if https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._added.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


class AccessLog:
    """ASGI middleware that logs each answer. `broken` returns the page for unexpected errors."""

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
        watch_writes()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as fault:
            _log_fault(scope, fault)
            if not status:
                await self._broken(scope)(scope, receive, noting)
            # otherwise an answer was already sent; raising again would only log the text of the error
        finally:
            ms = round((time.perf_counter() - start) * 1000, 1)
            level = log.debug if _route(scope) in _CHATTER else log.info
            level("web", method=_method(scope), route=_route(scope), status=status, ms=ms)


def is_done(scope: Scope) -> bool:
    """Return True if a request has committed what it asks for: a request begins no write transaction after that one."""
    return scope["method"] not in {"GET", "HEAD"} and is_last_write_committed()


def unless_done(done: Callable[[Scope], Response], handlers: Handlers) -> Handlers:
    """Return exception handlers that answer a request with `done` if it is done, and log what went wrong afterwards."""

    def wrapped(handler: Callable[[Request, Exception], Response]) -> Callable[[Request, Exception], Response]:
        def handle(request: Request, fault: Exception) -> Response:
            if not is_done(request.scope):
                return handler(request, fault)
            _log_fault(request.scope, fault)
            return done(request.scope)

        return handle

    return {kind: wrapped(handler) for kind, handler in handlers.items()}


def _log_fault(scope: Scope, fault: Exception) -> None:
    places = stack_locations(fault.__traceback__)
    log.error("web fault", route=_route(scope), kind=type(fault).__name__, places=places)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "(none)")


def _method(scope: Scope) -> str:
    """Return a known method. Clients may send any word."""
    method = scope["method"]
    return method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "(other)"


class BodyLimit:
    """ASGI middleware that answers large or slow requests itself.

    Args:
        app: The application to protect.
        refused: Returns the answer for a status: LARGE, SLOW or BUSY.
        seconds: Time limit for a body, for each MiB that it may have.
        limit: Returns the maximum bytes of a body for a path, and its owner.
    """

    def __init__(
        self,
        app: ASGIApp,
        refused: Callable[[Scope, int], Response],
        seconds: float = BODY_SECONDS,
        limit: Callable[[str], tuple[int, object]] = lambda path: (BODY_MAX, path),
    ) -> None:
        self._app = app
        self._refused = refused
        self._seconds = seconds
        self._limit = limit
        self._large: dict[object, Scope] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most, owner = self._limit(scope["path"])
        try:
            async with asyncio.timeout(self._seconds * max(1, most // _MIB)):
                body = await self._receive(scope, receive, most, owner)
        except TimeoutError:
            await self._refused(scope, SLOW)(scope, receive, send)
        except ClientDisconnect:
            pass  # the client is gone
        else:
            if isinstance(body, int):
                await self._refused(scope, body)(scope, receive, send)
            else:
                await self._app(scope, _replay_body(body, receive), send)
        finally:
            if self._large.get(owner) is scope:
                del self._large[owner]

    async def _receive(self, scope: Scope, receive: Receive, most: int, owner: object) -> bytes | int:
        """Return the body, or the status to refuse it with: larger than `most` bytes, or too many large ones."""
        announced = Headers(scope=scope).get("content-length", "0")
        refusal = 0 if announced.isdecimal() and int(announced[:9]) <= most else LARGE
        body, dropped, more = bytearray(), 0, True
        while more and dropped < _DROPPED:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            more = message.get("more_body", False)
            refusal = refusal or self._refusal(scope, len(body), most, owner)
            if refusal:
                dropped += len(body)
                body.clear()
        return refusal or bytes(body)

    def _refusal(self, scope: Scope, size: int, most: int, owner: object) -> int:
        if size > most:
            return LARGE
        is_new = size > _MIB and self._large.get(owner) is not scope
        if is_new and (owner in self._large or len(self._large) >= LARGE_AT_ONCE):
            return BUSY
        if is_new:
            self._large[owner] = scope
        return 0


def _replay_body(body: bytes, receive: Receive) -> Receive:
    """Return a receive channel that yields the body in pieces, so that parsing it keeps nobody waiting."""
    pieces = iter(range(0, max(1, len(body)), _PIECE))

    async def replay() -> Message:
        start = next(pieces, None)
        if start is None:
            return await receive()
        if start:
            await asyncio.sleep(0)
        piece = body[start : start + _PIECE]
        return {"type": "http.request", "body": piece, "more_body": start + _PIECE < len(body)}

    return replay
