"""Write mails as files of a Maildir, for trials, for tests, and for other programs.

Offering a mail writes a synced file in `tmp/`; the final dot renames it into `new/` (Maildir, D. J. Bernstein). The
file name is a hash of the bytes, so the same mail twice is the same file.
"""

import asyncio
import hashlib
import os
from pathlib import Path

from digestd import files
from digestd.delivery.transports.transport import Connection, LostReply, OutgoingMail, Refusal, SmtpReply
from digestd.errors import RelayFailed


class MaildirTransport:
    """A folder with `tmp/`, `new/` and `cur/`, created on first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def connect(self) -> Connection:
        """Create the folders; see Transport.connect."""
        try:
            for name in ("tmp", "new", "cur"):
                files.make_folder(self._folder / name)
        except OSError as error:
            raise RelayFailed(f"Maildir {files.explain(error, self._folder)}") from error
        return MaildirConnection(self._folder)


class MaildirConnection:
    """Writes one file at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = ""

    async def offer(self, mail: OutgoingMail) -> Refusal | None:
        """Write the file to `tmp/`; see Connection.offer."""
        self._name = f"{hashlib.sha256(mail.message).hexdigest()[:32]}.digestd"
        content = f"Return-Path: <{mail.envelope_from}>\nDelivered-To: {mail.to}\n".encode()
        content += mail.message.replace(b"\r\n", b"\n")
        try:
            await asyncio.to_thread(_write_synced, self._folder / "tmp" / self._name, content)
        except OSError as error:
            raise RelayFailed(f"Maildir {files.explain(error, self._folder)}") from error
        return None

    async def commit(self, _then: OutgoingMail | None = None) -> SmtpReply:
        """Move the file to `new/`; see Connection.commit."""
        try:
            (self._folder / "tmp" / self._name).rename(self._folder / "new" / self._name)
            await asyncio.to_thread(_sync_folder, self._folder / "new")
        except OSError as error:
            raise LostReply(str(error)) from error
        return SmtpReply(250, f"2.0.0 filed as {self._name}")

    async def abandon(self) -> None:
        """Delete the file in `tmp/`; see Connection.abandon."""
        (self._folder / "tmp" / self._name).unlink(missing_ok=True)

    async def close(self) -> None:
        """Do nothing; see Connection.close."""


def _write_synced(file: Path, content: bytes) -> None:
    with os.fdopen(files.create(file, os.O_WRONLY | os.O_TRUNC), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
