"""The port where bounces arrive: a mailbox that is read in passes.

What was understood is removed from the mailbox; what a person should see stays there, marked.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail in a mailbox. `raw` is None where it is too large to be looked at."""

    name: str
    raw: bytes | None


class OpenPostbox(Protocol):
    """A mailbox while it is being read. Each call raises InboundFailed where it cannot be done."""

    def letters(self, most: int) -> Iterator[Letter]:
        """Up to `most` mails that were not looked at yet, oldest first."""

    def remove(self, letter: Letter) -> None:
        """It was understood and is kept in the database: away with it."""

    def keep(self, letter: Letter) -> None:
        """It is for a person: mark it, and do not show it again."""


class Postbox(Protocol):
    """Where bounces arrive, as DIGESTD_INBOUND_URL names it."""

    def open(self) -> AbstractContextManager[OpenPostbox]:
        """Open it for one pass. Raises InboundFailed where it cannot be reached."""
