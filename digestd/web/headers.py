"""The headers of every answer: nothing foreign is loaded, framed, guessed, indexed or told on.

A page may set its own value for any of them; what is not said is the strictest.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NOTHING = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
OWN_PAGES = f"{_NOTHING}; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'"
INLINE_STYLE = f"{_NOTHING}; style-src 'unsafe-inline'; form-action 'none'"
"""For a digest in the browser: mail carries its style in attributes, and no script at all."""

STRICT = {
    "Content-Security-Policy": OWN_PAGES,
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Headers:
    """Adds what an answer does not say itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in STRICT.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)
