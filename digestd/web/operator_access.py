"""Restrict `/metrics` and `/readyz` to operators.

They answer local requests and requests with a token of scope `metrics`; everybody if DIGESTD_METRICS_PUBLIC is set.
Behind a reverse proxy on this machine every visitor is a local peer. So a local peer counts only without any sign
of a proxy: no proxy headers, a loopback Host (proxies and DNS rebinding send the public name), and not HTTP/1.0,
which some proxies speak to their backends.
"""

import re
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from starlette.requests import Request

from digestd.app import App
from digestd.domain.api import Scope
from digestd.errors import NotFound
from digestd.web.bearer_token import bearer_token

_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
_ADDED_BY_PROXIES = ("forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip", "x-client-ip")


def only_operators(app: App) -> Callable[[Request], None]:
    """Return a dependency that raises NotFound for requests by others."""

    def check(request: Request) -> None:
        if not (app.settings.metrics_public or is_local(request) or _has_token(app, request)):
            raise NotFound("there is no such page")

    return check


def is_local(request: Request) -> bool:
    """Return True if a request was sent on this machine and no proxy passed it on."""
    headers = request.headers
    return (
        _is_loopback(request.client.host if request.client else "")
        and _LOOPBACK.fullmatch(headers.get("host", "")) is not None
        and request.scope.get("http_version") != "1.0"
        and not any(name in _ADDED_BY_PROXIES or name.startswith("x-forwarded") for name in headers)
    )


def _has_token(app: App, request: Request) -> bool:
    if "authorization" not in request.headers:
        return False
    with app.db.read() as session:
        token = bearer_token(session, request)
    return token is not None and Scope.METRICS in token.scopes


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
