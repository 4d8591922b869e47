"""Mailboxes for replies: Maildir and IMAP are polled, LMTP is served.

`open_inbound` opens the one that DIGESTD_INBOUND_URL names, `poll` reads a mailbox, `LmtpServer.listen` accepts mail.
Each mail is processed and committed before it is removed. This package does not know how mails are interpreted.

A scheme is one module and one line in SCHEMES:

maildir:/var/mail/bounce                       a Maildir
imaps://USER:PASSWORD@HOST/INBOX               an IMAP mailbox with TLS (imap:// only for this machine)
lmtp://127.0.0.1:8024, lmtp:/run/digestd/lmtp  an LMTP server for the local mail server
"""

import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from digestd.errors import BadSetting
from digestd.replies.mailboxes.imap import ImapAccount, ImapMailbox
from digestd.replies.mailboxes.lmtp import LmtpServer
from digestd.replies.mailboxes.mailbox import InboundMailbox, MaildirMailbox

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_PORTS = {"imaps": 993, "imap": 143, "lmtp": 24}
InboundEndpoint = InboundMailbox | LmtpServer


def open_inbound(
    url: str, quarantine: Path = Path("var/quarantine"), context: ssl.SSLContext | None = None
) -> InboundEndpoint | None:
    """Return the mailbox or LMTP server of a URL, or None for an empty URL.

    Does not connect.

    Args:
        url: Value of DIGESTD_INBOUND_URL.
        quarantine: Maildir where LMTP stores the mails for the operator.
        context: TLS context; by default the certificate authorities of this machine.

    Raises:
        BadSetting: The URL is invalid, or would send a password or mail unencrypted over a network.
    """
    if not url.strip():
        return None
    parts = urlsplit(url.strip())
    make = SCHEMES.get(parts.scheme)
    if make is None:
        raise BadSetting(f"DIGESTD_INBOUND_URL: unknown scheme {parts.scheme or url[:20]!r}; use {', '.join(SCHEMES)}")
    return make(parts, quarantine, context)


def _maildir(parts: SplitResult, _quarantine: Path, _context: ssl.SSLContext | None) -> InboundEndpoint:
    if not (parts.netloc + parts.path):
        raise BadSetting("DIGESTD_INBOUND_URL: maildir needs a folder, such as maildir:/var/mail/bounce")
    return MaildirMailbox(Path(unquote(parts.netloc + parts.path)))


def _imap(parts: SplitResult, _quarantine: Path, context: ssl.SSLContext | None) -> InboundEndpoint:
    host, port = _address(parts)
    if not (parts.username and parts.password):
        raise BadSetting(
            "DIGESTD_INBOUND_URL: IMAP needs a user name and a password, such as imaps://user:pass@host/INBOX"
        )
    if parts.scheme == "imap" and host not in LOOPBACK:
        raise BadSetting(f"DIGESTD_INBOUND_URL: imap://{host} would send the password unencrypted; use imaps://")
    tls = (context or ssl.create_default_context()) if parts.scheme == "imaps" else None
    folder = unquote(parts.path.lstrip("/")) or "INBOX"
    return ImapMailbox(ImapAccount(host, port, unquote(parts.username), unquote(parts.password), folder, tls))


def _lmtp(parts: SplitResult, quarantine: Path, _context: ssl.SSLContext | None) -> InboundEndpoint:
    if not parts.netloc and parts.path:
        return LmtpServer("", 0, Path(unquote(parts.path)), quarantine)
    host, port = _address(parts)
    if host not in LOOPBACK:
        raise BadSetting(
            "DIGESTD_INBOUND_URL: LMTP listens on this machine only; use lmtp://127.0.0.1:8024 or a socket file"
        )
    return LmtpServer(host, port, None, quarantine)


def _address(parts: SplitResult) -> tuple[str, int]:
    try:
        host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    except ValueError:
        host, port = None, 0
    if not host:
        raise BadSetting("DIGESTD_INBOUND_URL: invalid URL; write / ? # @ : in a password as %2F %3F %23 %40 %3A")
    return host, port


SCHEMES: Mapping[str, Callable[[SplitResult, Path, ssl.SSLContext | None], InboundEndpoint]] = {
    "maildir": _maildir,
    "imaps": _imap,
    "imap": _imap,
    "lmtp": _lmtp,
}
