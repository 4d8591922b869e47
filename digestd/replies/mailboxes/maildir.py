"""Bounces in a Maildir: what lies in `new/` is read; what is for a person goes to `cur/`, flagged."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from digestd.errors import InboundFailed
from digestd.replies.bounces.parsed_mail import BYTES_MAX
from digestd.replies.mailboxes.mailbox import Letter

FLAGGED = ":2,F"


class MaildirPostbox:
    """One folder with `new/` and `cur/`; nobody else may read it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def open(self) -> Iterator["MaildirPostbox"]:
        """See Postbox.open."""
        try:
            (self._folder / "cur").mkdir(exist_ok=True)
            yield self
        except OSError as error:
            raise InboundFailed(
                f"DIGESTD_INBOUND_URL: Maildir {self._folder}: {error.strerror}; check the folder and its permissions"
            ) from error

    def letters(self, most: int) -> Iterator[Letter]:
        """See OpenPostbox.letters; a file that somebody else takes meanwhile is passed over."""
        for name in sorted(entry.name for entry in (self._folder / "new").iterdir())[:most]:
            try:
                yield Letter(name, _content(self._folder / "new" / name))
            except FileNotFoundError:
                continue

    def remove(self, letter: Letter) -> None:
        """See OpenPostbox.remove."""
        (self._folder / "new" / letter.name).unlink(missing_ok=True)

    def keep(self, letter: Letter) -> None:
        """See OpenPostbox.keep."""
        name = letter.name.partition(":")[0]
        (self._folder / "new" / letter.name).rename(self._folder / "cur" / f"{name}{FLAGGED}")


def _content(file: Path) -> bytes | None:
    """The mail; None for what is too large, no plain file or not ours to read: one odd file must not hold up others."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        with os.fdopen(handle, "rb", closefd=False) as mail:
            raw = mail.read(BYTES_MAX + 1)
        return raw if len(raw) <= BYTES_MAX else None
    finally:
        os.close(handle)
