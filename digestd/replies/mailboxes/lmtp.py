"""Accept mail from the local mail server by LMTP (RFC 2033), using aiosmtpd.

A mail is acknowledged after its commit. While the database is unreachable the mail server is asked to retry. Mails for
the operator go to the quarantine, a Maildir of limited size.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from aiosmtpd.lmtp import LMTP

from digestd import files
from digestd.errors import DatabaseUnreachable, InboundFailed
from digestd.replies.mailboxes.mailbox import KEPT_MAX, MaildirMailbox
from digestd.replies.parsed_mail import BYTES_MAX
from digestd.replies.processing import NEEDS_REVIEW, ReplyProcessor

RECIPIENTS_MAX = 20
TIMEOUT_SECONDS = 60.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LmtpServer:
    """An LMTP server for the local mail server.

    Attributes:
        host: Loopback address to listen on; unused with a socket file.
        port: TCP port; unused with a socket file.
        socket: Path of the socket file, or None for TCP.
        quarantine: Maildir for the mails that the operator should see.
    """

    host: str
    port: int
    socket: Path | None
    quarantine: Path

    @property
    def url(self) -> str:
        return f"lmtp:{self.socket}" if self.socket else f"lmtp://{self.host}:{self.port}"

    @property
    def kept(self) -> MaildirMailbox:
        """Return the mailbox of what is kept for the operator."""
        return MaildirMailbox(self.quarantine, is_quarantine=True)

    @asynccontextmanager
    async def listen(self, processor: ReplyProcessor, clock: Callable[[], datetime]) -> AsyncIterator[None]:
        """Accept mails until the block ends.

        Raises:
            InboundFailed: The address or the socket file is not available.
        """
        handler = _Handler(processor, clock, self.quarantine)

        def session() -> _Session:
            return _Session(
                handler, data_size_limit=BYTES_MAX, enable_SMTPUTF8=True, timeout=TIMEOUT_SECONDS, ident="digestd"
            )

        loop = asyncio.get_running_loop()
        try:
            if self.socket:
                if self.socket.is_socket():  # left by a killed process; never delete another kind of file
                    self.socket.unlink()
                server: asyncio.Server = await loop.create_unix_server(session, str(self.socket))
                self.socket.chmod(0o660)
            else:
                server = await loop.create_server(session, self.host, self.port)
        except OSError as error:
            raise InboundFailed(f"DIGESTD_INBOUND_URL: cannot listen on {self.url}: {error.strerror}") from error
        try:
            async with server:
                yield
        finally:
            if self.socket:
                with suppress(OSError):
                    self.socket.unlink()


class _Session(LMTP):
    """An LMTP session that accepts lines longer than RFC 5321 allows. Bounces quote whatever they returned."""

    line_length_limit = 64 * 1024


class _Handler:
    """The handler that aiosmtpd calls."""

    def __init__(self, processor: ReplyProcessor, clock: Callable[[], datetime], quarantine: Path) -> None:
        self._processor = processor
        self._clock = clock
        self._quarantine = quarantine

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        """Accept one recipient (called by aiosmtpd)."""
        if len(envelope.rcpt_tos) >= RECIPIENTS_MAX:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Process one mail (called by aiosmtpd); LMTP requires one reply per recipient."""
        raw = _return_path(envelope.mail_from) + bytes(envelope.content)
        reply = await asyncio.to_thread(self._process, raw, tuple(envelope.rcpt_tos))
        return "\r\n".join([reply] * len(envelope.rcpt_tos))

    def _process(self, raw: bytes, sent_to: tuple[str, ...]) -> str:
        """Process a mail and return the LMTP reply."""
        now = self._clock()
        try:
            outcome = self._processor.process(raw, now, sent_to)
        except DatabaseUnreachable as error:
            log.error("cannot process an inbound mail; the mail server will retry", why=str(error), retry=True)
            return "451 4.3.0 try again later"
        try:
            if outcome in NEEDS_REVIEW:
                self._add_to_quarantine(raw, now)
        except OSError as error:
            log.error(
                "cannot write to the quarantine; check the folder", folder=str(self._quarantine), why=error.strerror
            )
            return "451 4.3.0 try again later"
        return f"250 2.0.0 {outcome}"

    def _add_to_quarantine(self, raw: bytes, now: datetime) -> None:
        for name in ("new", "cur", "tmp"):
            files.make_folder(self._quarantine / name)
        if MaildirMailbox(self._quarantine, is_quarantine=True).count_kept() >= KEPT_MAX:
            log.warning("quarantine is full; mail dropped", folder=str(self._quarantine), limit=KEPT_MAX)
            return
        name = f"{int(now.timestamp() * 1e6)}.{os.getpid()}_{id(raw)}.digestd"
        with os.fdopen(files.create(self._quarantine / "tmp" / name), "wb") as out:
            out.write(raw)
        (self._quarantine / "tmp" / name).rename(self._quarantine / "new" / name)


def _return_path(sender: str | None) -> bytes:
    """Return the Return-Path header of final delivery (RFC 5321 section 4.4).

    Automatic replies depend on it: a mail with an empty sender is never answered.
    """
    path = "".join(letter for letter in sender or "" if letter.isascii() and letter.isprintable())
    return f"Return-Path: <{path.strip('<>')[:300]}>\r\n".encode()
