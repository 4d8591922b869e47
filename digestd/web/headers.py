"""The headers of every answer: nothing foreign is loaded, framed, guessed, indexed or told on.

A page may set its own value for any of them; what is not said is the strictest.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NOTHING = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
OWN_PAGES = f"{_NOTHING}; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'"
INLINE_STYLE = f"{_NOTHING}; style-src 'unsafe-inline'; form-action 'none'"
"""For a digest in the browser: mail carries its style in attributes, and no script at all."""
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
"""A year, for this host alone: other hosts of the domain are not digestd's to decide about."""


class SecurityHeaders:
    """Adds what an answer does not say itself. `https`: whether the public address is one of HTTPS."""

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self._app = app
        self._added = {**STRICT, **(HTTPS_ONLY if https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._added.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)
