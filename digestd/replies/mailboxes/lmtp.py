"""Bounces handed over by the local mail server (LMTP, RFC 2033), one transaction each, by aiosmtpd.

A mail is answered for when it is committed; while the database is away the server is asked to try
again. What is for a person goes into a Maildir of our own, up to a number of mails.
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

from digestd.errors import DatabaseUnreachable, InboundFailed
from digestd.replies.bounces.parsed_mail import BYTES_MAX
from digestd.replies.processing import FOR_A_PERSON, Desk

KEPT_MAX = 1_000
"""So many mails are kept for a person; those after them are counted and dropped."""
RECIPIENTS_MAX = 20
SECONDS = 60.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Door:
    """Where the mail server knocks: a TCP port of this machine, or a socket file. `aside`: a Maildir."""

    host: str
    port: int
    socket: Path | None
    aside: Path

    @property
    def where(self) -> str:
        """As told in logs."""
        return f"lmtp:{self.socket}" if self.socket else f"lmtp://{self.host}:{self.port}"

    @asynccontextmanager
    async def listening(self, desk: Desk, clock: Callable[[], datetime]) -> AsyncIterator[None]:
        """Take mails in until the block ends. Raises InboundFailed where it cannot listen."""
        handler = _Handler(desk, clock, self.aside)

        def session() -> _Session:
            return _Session(handler, data_size_limit=BYTES_MAX, enable_SMTPUTF8=True, timeout=SECONDS, ident="digestd")

        loop = asyncio.get_running_loop()
        try:
            if self.socket:
                if self.socket.is_socket():  # left by a process that was killed; anything else is not ours
                    self.socket.unlink()
                server: asyncio.Server = await loop.create_unix_server(session, str(self.socket))
                self.socket.chmod(0o660)
            else:
                server = await loop.create_server(session, self.host, self.port)
        except OSError as error:
            raise InboundFailed(f"DIGESTD_INBOUND_URL: cannot listen on {self.where}: {error.strerror}") from error
        try:
            async with server:
                yield
        finally:
            if self.socket:
                with suppress(OSError):
                    self.socket.unlink()


class _Session(LMTP):
    """Takes lines longer than RFC 5321 allows: bounces quote whatever they bounced."""

    line_length_limit = 64 * 1024


def _return_path(sender: str | None) -> bytes:
    """What final delivery adds (RFC 5321 section 4.4): nobody may answer a mail whose sender is empty."""
    path = "".join(letter for letter in sender or "" if letter.isascii() and letter.isprintable())
    return f"Return-Path: <{path.strip('<>')[:300]}>\r\n".encode()


class _Handler:
    """What aiosmtpd calls."""

    def __init__(self, desk: Desk, clock: Callable[[], datetime], aside: Path) -> None:
        self._desk = desk
        self._clock = clock
        self._aside = aside

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        """aiosmtpd: one recipient."""
        if len(envelope.rcpt_tos) >= RECIPIENTS_MAX:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """aiosmtpd: one mail; LMTP wants an answer for each recipient."""
        raw = _return_path(envelope.mail_from) + bytes(envelope.content)
        answer = await asyncio.to_thread(self._take, raw, tuple(envelope.rcpt_tos))
        return "\r\n".join([answer] * len(envelope.rcpt_tos))

    def _take(self, raw: bytes, sent_to: tuple[str, ...]) -> str:
        now = self._clock()
        try:
            outcome = self._desk.take(raw, now, sent_to)
        except DatabaseUnreachable as error:
            log.error("a bounce could not be taken in", why=str(error), retry=True)
            return "451 4.3.0 try again later"
        try:
            if outcome in FOR_A_PERSON:
                self._keep(raw, now)
        except OSError as error:
            log.error("a mail for a person cannot be kept", folder=str(self._aside), why=error.strerror)
            return "451 4.3.0 try again later"
        return f"250 2.0.0 {outcome}"

    def _keep(self, raw: bytes, now: datetime) -> None:
        for name in ("new", "cur", "tmp"):
            (self._aside / name).mkdir(parents=True, exist_ok=True)
        if sum(1 for _ in (self._aside / "new").iterdir()) >= KEPT_MAX:
            log.warning("no more mails are kept for a person", folder=str(self._aside), most=KEPT_MAX)
            return
        name = f"{int(now.timestamp() * 1e6)}.{os.getpid()}_{id(raw)}.digestd"
        (self._aside / "tmp" / name).write_bytes(raw)
        (self._aside / "tmp" / name).rename(self._aside / "new" / name)
