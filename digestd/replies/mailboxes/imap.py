"""Read bounces from a mailbox by IMAP (RFC 9051, 3501): the unseen messages.

Understood messages are deleted; those for a person are marked as seen and flagged.

Uses the standard library's imaplib, which blocks: call it from a thread. imap-tools
would fetch a message before its size is known, and expunge what other clients deleted.
"""

import imaplib
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from digestd.errors import InboundFailed
from digestd.replies.bounces.parsed_mail import BYTES_MAX
from digestd.replies.mailboxes.mailbox import Letter

SECONDS = 60.0
_SIZE = re.compile(rb"RFC822\.SIZE (\d{1,12})")
_TROUBLE = (imaplib.IMAP4.error, OSError, EOFError)


@dataclass(frozen=True, slots=True)
class Account:
    """A mailbox account. `context` is None for one on this machine, read without TLS."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    context: ssl.SSLContext | None = None


class ImapPostbox:
    """Opens one IMAP connection per pass."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @contextmanager
    def open(self) -> Iterator["ImapSession"]:
        """See Postbox.open."""
        account = self._account
        try:
            with _connected(account) as client:
                client.login(account.user, account.password)
                _done(client.select(_quoted(account.folder)))
                session = ImapSession(client)
                yield session
                session.end()
        except _TROUBLE as error:
            raise InboundFailed(
                f"DIGESTD_INBOUND_URL: {account.host}:{account.port}: {_said(error)}; "
                "check user name, password and folder"
            ) from error


@contextmanager
def _connected(account: Account) -> Iterator[imaplib.IMAP4]:
    client = (
        imaplib.IMAP4(account.host, account.port, timeout=SECONDS)
        if account.context is None
        else imaplib.IMAP4_SSL(account.host, account.port, ssl_context=account.context, timeout=SECONDS)
    )
    try:
        yield client
    finally:
        with suppress(*_TROUBLE):
            client.logout()


class ImapSession:
    """A selected mailbox; messages are named by UID."""

    def __init__(self, client: imaplib.IMAP4) -> None:
        self._client = client
        self._removed: list[str] = []

    def letters(self, most: int) -> Iterator[Letter]:
        """See OpenPostbox.letters."""
        found = _done(self._client.uid("SEARCH", "UNSEEN", "UNDELETED"))
        for uid in b" ".join(_bytes(found)).split()[:most]:
            name = uid.decode("ascii", "replace")
            yield Letter(name, self._content(name))

    def remove(self, letter: Letter) -> None:
        """See OpenPostbox.remove; the message is expunged at the end of the pass."""
        _done(self._client.uid("STORE", letter.name, "+FLAGS.SILENT", r"(\Seen \Deleted)"))
        self._removed.append(letter.name)

    def keep(self, letter: Letter) -> None:
        """See OpenPostbox.keep."""
        _done(self._client.uid("STORE", letter.name, "+FLAGS.SILENT", r"(\Seen \Flagged)"))

    def end(self) -> None:
        """Expunge what was removed; with UIDPLUS (RFC 4315) nothing that others have deleted."""
        if not self._removed:
            return
        if "UIDPLUS" in self._client.capabilities:
            self._client.uid("EXPUNGE", ",".join(self._removed))
        else:
            self._client.expunge()

    def _content(self, uid: str) -> bytes | None:
        told = b" ".join(_bytes(_done(self._client.uid("FETCH", uid, "(RFC822.SIZE)"))))
        size = _SIZE.search(told)
        if size is None or int(size[1]) > BYTES_MAX:
            return None
        parts = _done(self._client.uid("FETCH", uid, "(BODY.PEEK[])"))
        return next((bytes(part[1]) for part in parts if isinstance(part, tuple)), None)


def _done(answer: "tuple[str, Sequence[object]]") -> Sequence[object]:
    status, data = answer
    if status != "OK":
        raise imaplib.IMAP4.error(f"the server says {status}")
    return data


def _bytes(parts: Sequence[object]) -> Iterator[bytes]:
    for part in parts:
        if isinstance(part, tuple):
            yield from (piece for piece in part if isinstance(piece, bytes))
        elif isinstance(part, bytes):
            yield part


def _quoted(folder: str) -> str:
    escaped = folder.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _said(error: BaseException) -> str:
    """Return the server's message on one line; a login error repeats no password."""
    words = " ".join(str(error).split())[:200]
    return "".join(letter if letter.isprintable() else "?" for letter in words) or type(error).__name__
