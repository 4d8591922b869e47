"""Limit request bodies to 16 kB within ten seconds, more for whoever has a link or is a mail provider.

Read each body before passing it on.
"""

import asyncio
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_MAX = 16 * 1024
SECONDS = 10.0
LARGE, SLOW = 413, 408


class BodyLimit:
    """ASGI middleware that answers large or slow requests itself.

    Args:
        app: The application to protect.
        refused: Returns the answer for a status, LARGE or SLOW.
        seconds: Time limit for a body.
        most: Returns the maximum bytes of a path.
    """

    def __init__(
        self,
        app: ASGIApp,
        refused: Callable[[Scope, int], Response],
        seconds: float = SECONDS,
        most: Callable[[str], int] = lambda _path: BODY_MAX,
    ) -> None:
        self._app = app
        self._refused = refused
        self._seconds = seconds
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                body = await _body(scope, receive, self._most(scope["path"]))
        except TimeoutError:
            await self._refused(scope, SLOW)(scope, receive, send)
        except ClientDisconnect:
            pass  # the client is gone
        else:
            if body is None:
                await self._refused(scope, LARGE)(scope, receive, send)
            else:
                await self._app(scope, _replay_body(body, receive), send)


async def _body(scope: Scope, receive: Receive, most: int) -> bytes | None:
    """Return the body, or None if it is larger than `most` bytes."""
    announced = Headers(scope=scope).get("content-length", "0")
    if not announced.isdecimal() or int(announced[:9]) > most:
        return None
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay_body(body: bytes, receive: Receive) -> Receive:
    """Return a receive channel that yields the body at once, then later messages."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
