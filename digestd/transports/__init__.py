"""Where mail goes. A transport is one file and one line in TRANSPORTS, chosen by the URL's scheme.

maildir:FOLDER                                  files in a Maildir
smtp://HOST:PORT                                plain SMTP, to this machine only (or ?tls=none, said out loud)
smtp+starttls://USER:PASSWORD@HOST:587          TLS required
smtps://USER:PASSWORD@HOST:465                  TLS from the first byte
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from digestd.errors import BadSetting
from digestd.transports.maildir import MaildirTransport
from digestd.transports.smtp import Relay, SmtpTransport
from digestd.transports.transport import Channel, LostReply, Mail, Refusal, Transport

__all__ = ["TRANSPORTS", "Channel", "LostReply", "Mail", "Refusal", "Transport", "open_transport"]

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


def open_transport(url: str, ehlo: str = "localhost") -> Transport:
    """The transport an URL names; `ehlo` is the name we give ourselves. Nothing is connected yet.

    Raises BadSetting for an unknown scheme, or one that would send in the clear over a network.
    """
    parts = urlsplit(url.strip())
    make = TRANSPORTS.get(parts.scheme)
    if make is None:
        raise BadSetting(f"DIGESTD_TRANSPORT_URL: {parts.scheme or 'nothing'!r} is no transport; use {_known()}")
    return make(parts, ehlo)


def _maildir(parts: SplitResult, _ehlo: str) -> Transport:
    if not (parts.netloc + parts.path):
        raise BadSetting("DIGESTD_TRANSPORT_URL: maildir needs a folder, as in maildir:var/outbox")
    return MaildirTransport(Path(unquote(parts.netloc + parts.path)))


def _smtp(parts: SplitResult, ehlo: str) -> Transport:
    try:
        host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    except ValueError:
        host = port = None
    if port is None or parts.fragment:
        raise BadSetting("DIGESTD_TRANSPORT_URL: cannot be read; write / ? # @ : of a password as %2F %3F %23 %40 %3A")
    if not host:
        raise BadSetting("DIGESTD_TRANSPORT_URL: the relay's host is missing, as in smtp+starttls://user:pass@host:587")
    tls = {"smtp": "none", "smtp+starttls": "starttls", "smtps": "implicit"}[parts.scheme]
    if tls == "none" and host not in LOOPBACK and parse_qs(parts.query).get("tls") != ["none"]:
        raise BadSetting(
            f"DIGESTD_TRANSPORT_URL: smtp://{host} would send in the clear; use smtp+starttls:// or smtps://, "
            "or add ?tls=none if the network is your own"
        )
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    return SmtpTransport(Relay(host, port, tls, user, password, ehlo))


TRANSPORTS: Mapping[str, Callable[[SplitResult, str], Transport]] = {
    "maildir": _maildir,
    "smtp": _smtp,
    "smtp+starttls": _smtp,
    "smtps": _smtp,
}


def _known() -> str:
    return ", ".join(f"{scheme}:" for scheme in TRANSPORTS)
