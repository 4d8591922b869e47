"""Add security headers to every answer.

No foreign content, frames, sniffing, indexing or referrers.

A page may set its own value for any header. The defaults are the strictest.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
