"""Read a Maildir: new messages are in `new/`, flagged ones move to `cur/`.

Source: https://cr.yp.to/proto/maildir.html
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from digestd.errors import InboundFailed
from digestd.replies.bounces.parsed_mail import BYTES_MAX
from digestd.replies.mailboxes.mailbox import MailboxMessage

FLAGGED_SUFFIX = ":2,F"


class MaildirMailbox:
    """A Maildir that no other program reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def open(self) -> Iterator["MaildirMailbox"]:
        """See InboundMailbox.open."""
        try:
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
        """See MailboxSession.remove."""
        (self._folder / "new" / message.name).unlink(missing_ok=True)

    def flag(self, message: MailboxMessage) -> None:
        """See MailboxSession.flag."""
        name = message.name.partition(":")[0]
        (self._folder / "new" / message.name).rename(self._folder / "cur" / f"{name}{FLAGGED_SUFFIX}")


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
