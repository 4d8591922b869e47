"""The place that DIGESTD_INBOUND_URL names. A kind is one file and one line in KINDS.

maildir:/var/mail/bounce                       files in a Maildir
imaps://USER:PASSWORD@HOST/INBOX               a mailbox by IMAP with TLS (imap:// on this machine alone)
lmtp://127.0.0.1:8024, lmtp:/run/digestd/lmtp  the local mail server hands mails over
"""

import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from digestd.errors import BadSetting
from digestd.replies.mailboxes.imap import Account, ImapPostbox
from digestd.replies.mailboxes.lmtp import Door
from digestd.replies.mailboxes.mailbox import Postbox
from digestd.replies.mailboxes.maildir import MaildirPostbox

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_PORTS = {"imaps": 993, "imap": 143, "lmtp": 24}
Place = Postbox | Door


def open_inbound(url: str, aside: Path = Path("var/quarantine"), context: ssl.SSLContext | None = None) -> Place | None:
    """The place an URL names; None for an empty one. Nothing is connected yet.

    `aside`: where LMTP keeps what is for a person; `context`: whom TLS trusts, by default the
    machine's authorities. Raises BadSetting for what is unknown, or would go over a network in the clear.
    """
    if not url.strip():
        return None
    parts = urlsplit(url.strip())
    make = KINDS.get(parts.scheme)
    if make is None:
        raise BadSetting(f"DIGESTD_INBOUND_URL: {parts.scheme or url[:20]!r} is unknown; use {', '.join(KINDS)}")
    return make(parts, aside, context)


def _maildir(parts: SplitResult, _aside: Path, _context: ssl.SSLContext | None) -> Place:
    if not (parts.netloc + parts.path):
        raise BadSetting("DIGESTD_INBOUND_URL: maildir needs a folder, as in maildir:/var/mail/bounce")
    return MaildirPostbox(Path(unquote(parts.netloc + parts.path)))


def _imap(parts: SplitResult, _aside: Path, context: ssl.SSLContext | None) -> Place:
    host, port = _address(parts)
    if not (parts.username and parts.password):
        raise BadSetting(
            "DIGESTD_INBOUND_URL: IMAP needs a user name and a password, as in imaps://user:pass@host/INBOX"
        )
    if parts.scheme == "imap" and host not in LOOPBACK:
        raise BadSetting(f"DIGESTD_INBOUND_URL: imap://{host} would send the password in the clear; use imaps://")
    tls = (context or ssl.create_default_context()) if parts.scheme == "imaps" else None
    folder = unquote(parts.path.lstrip("/")) or "INBOX"
    return ImapPostbox(Account(host, port, unquote(parts.username), unquote(parts.password), folder, tls))


def _lmtp(parts: SplitResult, aside: Path, _context: ssl.SSLContext | None) -> Place:
    if not parts.netloc and parts.path:
        return Door("", 0, Path(unquote(parts.path)), aside)
    host, port = _address(parts)
    if host not in LOOPBACK:
        raise BadSetting(
            "DIGESTD_INBOUND_URL: LMTP is for this machine alone; use lmtp://127.0.0.1:8024 or a socket file"
        )
    return Door(host, port, None, aside)


def _address(parts: SplitResult) -> tuple[str, int]:
    try:
        host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    except ValueError:
        host, port = None, 0
    if not host:
        raise BadSetting("DIGESTD_INBOUND_URL: cannot be read; write / ? # @ : of a password as %2F %3F %23 %40 %3A")
    return host, port


KINDS: Mapping[str, Callable[[SplitResult, Path, ssl.SSLContext | None], Place]] = {
    "maildir": _maildir,
    "imaps": _imap,
    "imap": _imap,
    "lmtp": _lmtp,
}
