"""Restrict `/metrics`, `/readyz`, `/admin` and the API to whoever has a token or sits at the machine.

API tokens are sent as `Authorization: Bearer digestd_NUMBER_SECRET`. `/metrics` and `/readyz` answer local requests and
requests with a token of scope `metrics`; everybody if DIGESTD_METRICS_PUBLIC is set. `/admin` takes a token of scope
`admin`, also as the password of HTTP Basic (RFC 7617), as browsers ask for it, with any user name.

Behind a reverse proxy on this machine every visitor is a local peer. So a local peer counts only without any sign
of a proxy: no proxy headers, a loopback Host (proxies and DNS rebinding send the public name), and not HTTP/1.0,
which some proxies speak to their backends. A proxy that adds no header and speaks HTTP/1.1 looks exactly like a local
visitor, so `/admin` answers local requests without a token only if the public URL is this machine itself.
"""

import base64
import binascii
from ipaddress import IPv6Address, ip_address
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException
from sqlmodel import Session
from starlette.requests import Request

from digestd.errors import NotFound
from digestd.security.tokens import Scope
from digestd.settings import LOOPBACK
from digestd.store import integrations
from digestd.store.database import Database
from digestd.store.integrations import ApiToken
from digestd.web.dependencies import Db, PublicUrl, part

_DIGITS_MAX, _SECRET_LENGTH = 9, 43
_OWN_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_ADDED_BY_PROXIES = ("forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip", "x-client-ip")
_IsPublic = Annotated[bool, Depends(part(lambda app: app.settings.metrics_public))]


def only_operators(request: Request, db: Db, is_public: _IsPublic) -> None:
    """Let local requests and those with a token of scope `metrics` pass. Raises NotFound for others."""
    sent = request.headers.get("authorization", "")
    if not (is_public or is_local(request) or _opens(db, Scope.METRICS, _read_bearer(sent))):
        raise NotFound("there is no such page")


def only_admins(request: Request, db: Db, public_url: PublicUrl) -> None:
    """Let requests with a token of scope `admin` pass. Others get 401, so that browsers ask for the token."""
    is_home = (urlsplit(public_url).hostname or "") in LOOPBACK
    sent = request.headers.get("authorization", "")
    if not ((is_home and is_local(request)) or _opens(db, Scope.ADMIN, _read_bearer(sent) or _basic_password(sent))):
        raise HTTPException(401, headers={"WWW-Authenticate": 'Basic realm="digestd", charset="UTF-8"'})


def is_local(request: Request) -> bool:
    """Return True if a request was sent on this machine and no proxy passed it on."""
    headers = request.headers
    return (
        _is_loopback(request.client.host if request.client else "")
        and _is_own_name(headers.get("host", ""))
        and request.scope.get("http_version") != "1.0"
        and not any(name in _ADDED_BY_PROXIES or name.startswith("x-forwarded") for name in headers)
    )


def bearer_token(session: Session, request: Request, *, is_reader: bool = False) -> ApiToken | None:
    """Return the operator's token in a request, or that of one subscriber; None if there is no valid one."""
    sent = _read_bearer(request.headers.get("authorization", "")) or ""
    return _token_of(session, sent, is_reader=is_reader)


def _opens(db: Database, scope: Scope, word: str | None) -> bool:
    """Return True if a word is a token of this scope."""
    if word is None:
        return False
    with db.read() as session:
        token = _token_of(session, word)
    return token is not None and scope in token.scopes


def _basic_password(header: str) -> str | None:
    """Return the password of HTTP Basic, or None."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return None


def _read_bearer(header: str) -> str | None:
    scheme, _, word = header.partition(" ")
    word = word.lstrip(" ")
    return word if scheme.lower() == "bearer" and word.startswith("digestd_") else None


def _token_of(session: Session, word: str, *, is_reader: bool = False) -> ApiToken | None:
    start, _, rest = word.partition("_")
    number, _, secret = rest.partition("_")
    is_number = number.isdecimal() and not number.startswith("0") and len(number) <= _DIGITS_MAX
    is_token = start == "digestd" and is_number and len(secret) == _SECRET_LENGTH and word.isascii()
    return integrations.authenticate(session, int(number), secret, is_reader=is_reader) if is_token else None


def _is_own_name(host: str) -> bool:
    """Return True for a Host header that names this machine, with or without a port."""
    name, _, port = host.lower().rpartition(":")
    return (name if port.isdecimal() else host.lower()) in _OWN_NAMES


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
