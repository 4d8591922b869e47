"""Poll a mailbox: process and commit each message before it is removed or flagged.

Processed mails are removed from the mailbox; mails for the operator stay there, flagged. After a crash in between, the
next pass finds the message again and recognises its bounce or command as known.

A Maildir (https://cr.yp.to/proto/maildir.html) has new messages in `new/`; flagged ones move to `cur/`.

What is kept has a number, which stays the same while it is there: the IMAP UID, or a hash of the file's name.
"""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Protocol

from digestd.domain.bounce import InboundOutcome
from digestd.errors import InboundFailed
from digestd.replies.parsed_mail import BYTES_MAX
from digestd.replies.processing import NEEDS_REVIEW, ReplyProcessor


@dataclass(frozen=True, slots=True)
class MailboxMessage:
    """A message in a mailbox.

    Attributes:
        name: Identifier within the mailbox: a file name or an IMAP UID.
        raw: The message; None if it is too large or unreadable.
    """

    name: str
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class KeptMail:
    """A mail that is kept for the operator.

    Attributes:
        number: Names it as long as it is there.
        at: When it came in.
        name: Identifier within the mailbox: a path, or an IMAP UID.
    """

    number: int
    at: datetime
    name: str


class MailboxSession(Protocol):
    """An open mailbox. Every method raises InboundFailed if the mailbox fails."""

    def messages(self, limit: int) -> Iterator[MailboxMessage]:
        """Yield up to `limit` new messages, oldest first."""

    def remove(self, message: MailboxMessage) -> None:
        """Remove a message that was processed and committed."""

    def flag(self, message: MailboxMessage) -> None:
        """Flag a message for the operator and mark it as seen."""

    def kept(self) -> Iterator[KeptMail]:
        """Yield the flagged messages, newest first."""

    def read(self, kept: KeptMail) -> bytes | None:
        """Return a kept message; None if it is too large or unreadable."""

    def discard(self, kept: KeptMail) -> None:
        """Remove a kept message."""


class InboundMailbox(Protocol):
    """A mailbox that DIGESTD_INBOUND_URL names. `place`: where it is, without a password."""

    @property
    def place(self) -> str: ...

    def count_kept(self) -> int | None:
        """Return the number of kept messages; None if only the server knows, which is not asked."""

    def open(self) -> AbstractContextManager[MailboxSession]:
        """Open the mailbox for one pass.

        Raises:
            InboundFailed: The mailbox cannot be reached or read.
        """


PASS_SIZE = 500
PASSES_MAX = 40
"""Passes per poll, so that a flooded mailbox does not occupy the process forever."""


def poll(
    mailbox: InboundMailbox,
    processor: ReplyProcessor,
    clock: Callable[[], datetime],
    should_continue: Callable[[], bool] = lambda: True,
) -> dict[InboundOutcome, int]:
    """Process the new messages of a mailbox; return their number by outcome.

    Args:
        should_continue: Checked before each message; return False to stop early.

    Raises:
        InboundFailed: The mailbox cannot be reached or read.
    """
    counts: Counter[InboundOutcome] = Counter()
    for _ in range(PASSES_MAX):
        before = counts.total()
        _poll_once(mailbox, processor, clock, should_continue, counts)
        if counts.total() - before < PASS_SIZE or not should_continue():
            break
    processor.settle(clock())
    return dict(counts)


def _poll_once(
    mailbox: InboundMailbox,
    processor: ReplyProcessor,
    clock: Callable[[], datetime],
    should_continue: Callable[[], bool],
    counts: Counter[InboundOutcome],
) -> None:
    with mailbox.open() as session:
        for message in session.messages(PASS_SIZE):
            if not should_continue():
                return
            outcome = processor.process(message.raw, clock())
            counts[outcome] += 1
            if outcome in NEEDS_REVIEW:
                session.flag(message)
            else:
                session.remove(message)


FLAGGED_SUFFIX = ":2,F"
KEPT_MAX = 1_000
"""Mails that LMTP keeps; it counts and drops later ones."""


class MaildirMailbox:
    """A Maildir that no other program reads. Of a quarantine, every mail is kept."""

    def __init__(self, folder: Path, is_quarantine: bool = False) -> None:
        self._folder = folder
        self._is_quarantine = is_quarantine

    @property
    def place(self) -> str:
        return str(self._folder.absolute())

    @contextmanager
    def open(self) -> Iterator["MaildirMailbox"]:
        """See InboundMailbox.open."""
        try:
            if not self._is_quarantine:
                (self._folder / "cur").mkdir(exist_ok=True)
            yield self
        except OSError as error:
            raise InboundFailed(
                f"DIGESTD_INBOUND_URL: Maildir {self._folder}: {error.strerror}; check the folder and its permissions"
            ) from error

    def messages(self, limit: int) -> Iterator[MailboxMessage]:
        """See MailboxSession.messages; a file that disappears meanwhile is skipped."""
        for name in sorted(entry.name for entry in (self._folder / "new").iterdir())[:limit]:
            try:
                yield MailboxMessage(name, _read_file(self._folder / "new" / name))
            except FileNotFoundError:
                continue

    def remove(self, message: MailboxMessage) -> None:
        (self._folder / "new" / message.name).unlink(missing_ok=True)

    def flag(self, message: MailboxMessage) -> None:
        name = message.name.partition(":")[0]
        (self._folder / "new" / message.name).rename(self._folder / "cur" / f"{name}{FLAGGED_SUFFIX}")

    def kept(self) -> Iterator[KeptMail]:
        found = [mail for file in self._kept_files() if (mail := _kept(file)) is not None]
        return iter(sorted(found, key=lambda mail: mail.at, reverse=True))

    def count_kept(self) -> int:
        return sum(1 for _ in self._kept_files())

    def read(self, kept: KeptMail) -> bytes | None:
        with suppress(FileNotFoundError):
            return _read_file(Path(kept.name))
        return None

    def discard(self, kept: KeptMail) -> None:
        Path(kept.name).unlink(missing_ok=True)

    def _kept_files(self) -> Iterator[Path]:
        folders = [self._folder / name for name in (("new", "cur") if self._is_quarantine else ("cur",))]
        files = chain.from_iterable(folder.iterdir() for folder in folders if folder.is_dir())
        return (file for file in files if self._is_quarantine or "F" in file.name.partition(":2,")[2])


def _kept(file: Path) -> KeptMail | None:
    try:
        at = datetime.fromtimestamp(file.lstat().st_mtime, UTC)
    except FileNotFoundError:
        return None
    number = int(sha256(os.fsencode(file.name.partition(":")[0])).hexdigest(), 16) % 10**NUMBER_DIGITS
    return KeptMail(number, at, str(file.absolute()))


NUMBER_DIGITS = 8


def _read_file(file: Path) -> bytes | None:
    """Return a message, or None if it is too large or not a readable regular file.

    One odd file must not block the others.
    """
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        with os.fdopen(handle, "rb", closefd=False) as opened:
            raw = opened.read(BYTES_MAX + 1)
        return raw if len(raw) <= BYTES_MAX else None
    finally:
        os.close(handle)
