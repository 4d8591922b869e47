"""Maildir: mails as files, for trying, for tests, and for picking up by another program.

The offer is a synced file in `tmp/`, the dot its rename into `new/` (Maildir, D. J. Bernstein).
The name is the hash of the bytes: the same mail twice is the same file.
"""

import asyncio
import hashlib
import os
from pathlib import Path

from digestd.errors import RelayFailed
from digestd.retry import Reply
from digestd.transports.transport import Connection, LostReply, OutgoingMail, Refusal


class MaildirTransport:
    """A folder with `tmp/`, `new/` and `cur/`; made when first used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def connect(self) -> Connection:
        """See Transport.connect."""
        try:
            for name in ("tmp", "new", "cur"):
                (self._folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RelayFailed(
                f"Maildir {self._folder}: {error.strerror}; check the folder and its permissions"
            ) from error
        return MaildirConnection(self._folder)


class MaildirConnection:
    """Writes one file at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = ""

    async def offer(self, mail: OutgoingMail) -> Refusal | None:
        """See Channel.offer."""
        self._name = f"{hashlib.sha256(mail.message).hexdigest()[:32]}.digestd"
        content = f"Return-Path: <{mail.envelope_from}>\nDelivered-To: {mail.to}\n".encode()
        content += mail.message.replace(b"\r\n", b"\n")
        try:
            await asyncio.to_thread(_write_synced, self._folder / "tmp" / self._name, content)
        except OSError as error:
            raise RelayFailed(f"Maildir {self._folder}: {error.strerror}; free some space or check it") from error
        return None

    async def commit(self, _then: OutgoingMail | None = None) -> Reply:
        """See Channel.commit."""
        try:
            (self._folder / "tmp" / self._name).rename(self._folder / "new" / self._name)
            await asyncio.to_thread(_sync_folder, self._folder / "new")
        except OSError as error:
            raise LostReply(str(error)) from error
        return Reply(250, f"2.0.0 filed as {self._name}")

    async def abandon(self) -> None:
        """See Channel.abandon."""
        (self._folder / "tmp" / self._name).unlink(missing_ok=True)

    async def close(self) -> None:
        """See Channel.close."""


def _write_synced(file: Path, content: bytes) -> None:
    with file.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
