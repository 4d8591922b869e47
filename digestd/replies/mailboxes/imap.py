"""Read the unseen messages of an IMAP mailbox (RFC 9051, RFC 3501).

Processed messages are deleted; messages for the operator are flagged and marked as seen.

Uses the standard library's imaplib, which blocks, so call it from a thread. imap-tools would fetch a message before its
size is known, and expunge messages that other clients deleted.
"""

import imaplib
import re
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from digestd.errors import InboundFailed
from digestd.replies.mailboxes.mailbox import KeptMail, MailboxMessage
from digestd.replies.parsed_mail import BYTES_MAX

TIMEOUT_SECONDS = 60.0
_SIZE = re.compile(rb"RFC822\.SIZE (\d{1,12})")
_ERRORS = (imaplib.IMAP4.error, OSError, EOFError)


@dataclass(frozen=True, slots=True)
class ImapAccount:
    """An IMAP account. `context` is None for a connection without TLS to this machine."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    context: ssl.SSLContext | None = None


class ImapMailbox:
    """An IMAP mailbox. Opens one connection per pass."""

    def __init__(self, account: ImapAccount) -> None:
        self._account = account

    @property
    def place(self) -> str:
        return f"{self._account.folder} of {self._account.user} at {self._account.host}"

    def count_kept(self) -> None:
        """See InboundMailbox.count_kept."""

    @contextmanager
    def open(self) -> Iterator["ImapSession"]:
        """See InboundMailbox.open."""
        account = self._account
        try:
            with _connect(account) as client:
                client.login(account.user, account.password)
                folder = account.folder.replace("\\", "\\\\").replace('"', '\\"')
                _check(client.select(f'"{folder}"'))
                session = ImapSession(client)
                yield session
                session.end()
        except _ERRORS as error:
            raise InboundFailed(
                f"DIGESTD_INBOUND_URL: {account.host}:{account.port}: {_describe(error)}; "
                "check user name, password and folder"
            ) from error


@contextmanager
def _connect(account: ImapAccount) -> Iterator[imaplib.IMAP4]:
    client = (
        imaplib.IMAP4(account.host, account.port, timeout=TIMEOUT_SECONDS)
        if account.context is None
        else imaplib.IMAP4_SSL(account.host, account.port, ssl_context=account.context, timeout=TIMEOUT_SECONDS)
    )
    try:
        yield client
    finally:
        with suppress(*_ERRORS):
            client.logout()


class ImapSession:
    """An open IMAP mailbox. Messages are identified by UID."""

    def __init__(self, client: imaplib.IMAP4) -> None:
        self._client = client
        self._removed: list[str] = []

    def messages(self, limit: int) -> Iterator[MailboxMessage]:
        """See MailboxSession.messages."""
        for uid in self._search("UNSEEN")[:limit]:
            yield MailboxMessage(uid, self._try_fetch(uid))

    def remove(self, message: MailboxMessage) -> None:
        """See MailboxSession.remove; the message is expunged at the end of the pass."""
        _check(self._client.uid("STORE", message.name, "+FLAGS.SILENT", r"(\Seen \Deleted)"))
        self._removed.append(message.name)

    def flag(self, message: MailboxMessage) -> None:
        _check(self._client.uid("STORE", message.name, "+FLAGS.SILENT", r"(\Seen \Flagged)"))

    def kept(self) -> Iterator[KeptMail]:
        for uid in reversed(self._search("FLAGGED")):
            response = b" ".join(_bytes(_check(self._client.uid("FETCH", uid, "(INTERNALDATE)"))))
            came = imaplib.Internaldate2tuple(response)
            at = datetime.fromtimestamp(time.mktime(came), UTC) if came else datetime.max.replace(tzinfo=UTC)
            yield KeptMail(int(uid), at, uid)  # one of an unknown age is never old

    def read(self, kept: KeptMail) -> bytes | None:
        return self._try_fetch(kept.name)

    def discard(self, kept: KeptMail) -> None:
        self.remove(MailboxMessage(kept.name, None))

    def end(self) -> None:
        """Expunge the removed messages.

        With UIDPLUS (RFC 4315), messages that other clients deleted are left alone.
        """
        if not self._removed:
            return
        if "UIDPLUS" in self._client.capabilities:
            self._client.uid("EXPUNGE", ",".join(self._removed))
        else:
            self._client.expunge()

    def _search(self, flag: str) -> list[str]:
        found = _check(self._client.uid("SEARCH", flag, "UNDELETED"))
        return [uid.decode("ascii") for uid in b" ".join(_bytes(found)).split() if uid.isdigit()]

    def _try_fetch(self, uid: str) -> bytes | None:
        try:
            return self._fetch(uid)
        except imaplib.IMAP4.abort:  # the connection broke
            raise
        except imaplib.IMAP4.error:  # the server cannot give this one; the others follow
            return None

    def _fetch(self, uid: str) -> bytes | None:
        """Return a message, or None if it is larger than BYTES_MAX."""
        response = b" ".join(_bytes(_check(self._client.uid("FETCH", uid, "(RFC822.SIZE)"))))
        size = _SIZE.search(response)
        if size is None or int(size[1]) > BYTES_MAX:
            return None
        parts = _check(self._client.uid("FETCH", uid, "(BODY.PEEK[])"))
        return next((bytes(part[1]) for part in parts if isinstance(part, tuple)), None)


def _check(response: "tuple[str, Sequence[object]]") -> Sequence[object]:
    """Return the data of a response. Raises IMAP4.error unless its status is OK."""
    status, data = response
    if status != "OK":
        raise imaplib.IMAP4.error(f"the server answered {status}")
    return data


def _bytes(parts: Sequence[object]) -> Iterator[bytes]:
    for part in parts:
        if isinstance(part, tuple):
            yield from (piece for piece in part if isinstance(piece, bytes))
        elif isinstance(part, bytes):
            yield part


def _describe(error: BaseException) -> str:
    """Return the server's message on one line; a login error repeats no password."""
    text = " ".join(str(error).split())[:200]
    return "".join(letter if letter.isprintable() else "?" for letter in text) or type(error).__name__
