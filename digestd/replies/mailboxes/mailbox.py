"""Interface of a mailbox that is polled.

Processed mails are removed from the mailbox; mails for the operator stay there, flagged.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class MailboxMessage:
    """A message in a mailbox.

    Attributes:
        name: Identifier within the mailbox: a file name or an IMAP UID.
        raw: The message; None if it is too large or unreadable.
    """

    name: str
    raw: bytes | None


class MailboxSession(Protocol):
    """An open mailbox. Every method raises InboundFailed if the mailbox fails."""

    def messages(self, limit: int) -> Iterator[MailboxMessage]:
        """Yield up to `limit` new messages, oldest first."""

    def remove(self, message: MailboxMessage) -> None:
        """Remove a message that was processed and committed."""

    def flag(self, message: MailboxMessage) -> None:
        """Flag a message for the operator and mark it as seen."""


class InboundMailbox(Protocol):
    """A mailbox that DIGESTD_INBOUND_URL names."""

    def open(self) -> AbstractContextManager[MailboxSession]:
        """Open the mailbox for one pass.

        Raises:
            InboundFailed: The mailbox cannot be reached or read.
        """
