"""Transports: where mail goes.

A transport is one module and one line in TRANSPORTS, chosen by the URL's scheme.

maildir:FOLDER                                  files in a Maildir
smtp://HOST:PORT                                unencrypted SMTP, to this machine only unless ?tls=none is given
smtp+starttls://USER:PASSWORD@HOST:587          TLS required
smtps://USER:PASSWORD@HOST:465                  TLS from the first byte

Several URLs, separated by spaces or commas, are several routes. `?weight=3` is a route's share of the mails (default 1;
0 is used only while all others are paused), `?rate=5` its own limit in mails per second.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from digestd.delivery.transports.maildir import MaildirTransport
from digestd.delivery.transports.smtp.connection import SmtpTransport
from digestd.delivery.transports.smtp.session import Relay
from digestd.delivery.transports.transport import Connection, LostReply, OutgoingMail, Refusal, Transport
from digestd.errors import BadSetting

__all__ = ["TRANSPORTS", "Connection", "LostReply", "OutgoingMail", "Refusal", "Route", "Transport", "open_routes"]

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
WEIGHT_MAX = 1_000
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_TLS = {"smtp": "none", "smtp+starttls": "starttls", "smtps": "implicit"}
_OPTIONS = frozenset({"tls", "weight", "rate"})
_UNREADABLE = (
    "cannot be read; a port is a number up to 65535, [ ] stand around an IPv6 address, "
    "and / ? # @ : [ ] of a password are written %2F %3F %23 %40 %3A %5B %5D"
)


@dataclass(frozen=True, slots=True)
class Route:
    """A transport with its display name, weight and limit.

    The limit is in mails per second; 0 is unlimited.
    """

    name: str
    transport: Transport
    weight: int = 1
    rate: float = 0


def open_routes(setting: str, ehlo: str = "localhost") -> tuple[Route, ...]:
    """Return the routes of a DIGESTD_TRANSPORT_URL, without connecting.

    `ehlo` is the name sent in EHLO.

    Raises BadSetting for an unknown scheme or option, or a route that would send unencrypted over a network.
    """
    routes = tuple(_route(url, ehlo) for url in _BETWEEN.split(setting.strip().strip(",").strip()))
    names = [route.name for route in routes]
    if twice := {name for name in names if names.count(name) > 1}:
        raise _bad(f"{min(twice)} is listed twice; use weight= instead")
    if not any(route.weight for route in routes):
        raise _bad("at least one route needs a weight above 0")
    return routes


def _route(url: str, ehlo: str) -> Route:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _bad(_UNREADABLE) from None
    make = TRANSPORTS.get(parts.scheme)
    if make is None and (not parts.scheme or parts.path.isdigit()):  # HOST:PORT
        raise _bad(f"has no scheme; write smtp+starttls://USER:PASSWORD@HOST:587, or use one of {_known()}")
    if make is None:
        raise _bad(f"{parts.scheme!r} is not a transport; use one of {_known()}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := options.keys() - _OPTIONS:
        raise _bad(f"{min(unknown)!r} is not an option; the options are {', '.join(sorted(_OPTIONS))}")
    name, transport = make(parts, options, ehlo)
    weight, rate = options.get("weight", "1"), options.get("rate", "0")
    if not weight.isascii() or not weight.isdigit() or int(weight) > WEIGHT_MAX:
        raise _bad(f"weight={weight[:20]} is not a whole number up to {WEIGHT_MAX}")
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", rate, re.ASCII):
        raise _bad(f"rate={rate[:20]} is not a number of mails per second, as in rate=5")
    return Route(name, transport, int(weight), float(rate))


def _maildir(parts: SplitResult, _options: Mapping[str, str], _ehlo: str) -> tuple[str, Transport]:
    folder = unquote(parts.netloc + parts.path)
    if not folder:
        raise _bad("maildir needs a folder, as in maildir:var/outbox")
    return f"maildir:{folder}", MaildirTransport(Path(folder))


def _smtp(parts: SplitResult, options: Mapping[str, str], ehlo: str) -> tuple[str, Transport]:
    try:
        host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    except ValueError:
        host = port = None
    if port is None or parts.fragment or parts.path.strip("/"):
        raise _bad(_UNREADABLE)
    if not host:
        raise _bad("the relay's host is missing, as in smtp+starttls://user:pass@host:587")
    tls = _TLS[parts.scheme]
    if options.get("tls", tls) not in {tls, "none"} or (tls != "none" and "tls" in options):
        raise _bad("tls= accepts only none, and only with smtp://; smtp+starttls:// and smtps:// require TLS")
    if tls == "none" and host not in LOOPBACK and options.get("tls") != "none":
        raise _bad(
            f"smtp://{host} would send unencrypted; use smtp+starttls:// or smtps://, "
            "or add ?tls=none if you trust the network"
        )
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    relay = Relay(host, port, tls, user, password, ehlo)
    return relay.name, SmtpTransport(relay)


TRANSPORTS: Mapping[str, Callable[[SplitResult, Mapping[str, str], str], tuple[str, Transport]]] = {
    "maildir": _maildir,
    "smtp": _smtp,
    "smtp+starttls": _smtp,
    "smtps": _smtp,
}
_BETWEEN = re.compile(rf"[\s,]+(?=(?:{'|'.join(map(re.escape, TRANSPORTS))}):)")
"""Passwords may contain commas and folders spaces, so only the start of another URL separates two URLs."""


def _known() -> str:
    return ", ".join(f"{scheme}:" for scheme in TRANSPORTS)


def _bad(what: str) -> BadSetting:
    return BadSetting(f"DIGESTD_TRANSPORT_URL: {what}")
