"""The headers of every answer: nothing foreign is loaded, framed, guessed, indexed or told on.

A page may set its own value for any of them; what is not said is the strictest.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CSP = "default-src 'none'; {style}script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
OWN_STYLE = _CSP.format(style="style-src 'self'; ")
INLINE_STYLE = _CSP.format(style="style-src 'unsafe-inline'; ").replace("script-src 'self'; ", "")
"""For a digest in the browser: mail carries its style in attributes, and no script at all."""

STRICT = {
    "Content-Security-Policy": OWN_STYLE,
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "interest-cohort=()",
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
