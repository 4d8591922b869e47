"""Errors that a person can act on.

    DigestdError
    ├── BadInput             the input is wrong: correct it, then try again
    │   ├── BadSetting       a setting is missing, unknown or unsafe
    │   └── BadRecord        one line of an import: field and remedy
    ├── Unavailable          something outside does not answer: try again later
    │   ├── DatabaseUnreachable
    │   ├── RelayFailed
    │   │   ├── RelayBusy     it asks us to slow down
    │   │   │   └── DomainsBusy  many recipient domains do
    │   │   └── MailsRefused  it refuses every mail
    │   ├── InboundFailed
    │   ├── DiskFull         (delivery.disk_space)
    │   └── SourceUnavailable  also a SourceFailed
    ├── SourceFailed         a source gave no usable answer
    ├── AlreadyRunning       another process holds the lock on this database
    ├── NotInitialised       the database does not exist, or is of another version
    │   └── NeedsInit         `digestd init` creates or upgrades it
    ├── Damaged              a stored value cannot be read
    ├── NotResumed           the database was restored or moved, and sending was not resumed
    └── NotFound             no such subscriber, paper, delivery, source

Every message is one line: what is wrong, where, and what to do. `retry` is True if the same call may work later
without any change.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_REWRITES = (
    (re.compile(r"^Value error, "), ""),
    (re.compile(r"Input should (be|have)"), r"must \1"),
    (re.compile(r"be greater than or equal to"), "be at least"),
    (re.compile(r"be less than or equal to"), "be at most"),
    (re.compile(r"String should have at most (\d+) characters"), r"is longer than \1 characters; shorten it"),
    (re.compile(r", unable to (?:parse|interpret) .*"), ""),
    (re.compile(r"must be a valid boolean"), "must be true or false"),
    (re.compile(r"must be a valid integer"), "must be a whole number"),
)


def plain_message(message: str) -> str:
    """Return pydantic's message about an invalid value in plain words."""
    for pattern, replacement in _REWRITES:
        message = pattern.sub(replacement, message)
    return message


class DigestdError(Exception):
    """A failure that an operator can act on; shown as one line, never as a traceback."""

    retry = False
    exit_code = 1


class BadInput(DigestdError, ValueError):
    """The input is wrong; nothing was changed."""

    exit_code = 2


class BadSetting(BadInput):
    """A setting is missing, unknown or unsafe."""


class BadRecord(BadInput):
    """One record of an import is wrong.

    `field` names the key, the message says what to do.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Unavailable(DigestdError):
    """Something outside does not answer; the same call may work later."""

    retry = True


class DatabaseUnreachable(Unavailable):
    """The database does not answer, or is not a digestd database."""


class SourceFailed(DigestdError):
    """A source gave no usable answer, and will give the same if asked again."""


class SourceUnavailable(SourceFailed, Unavailable):
    """A source did not answer, or its answer could not be read this time."""


class RelayFailed(Unavailable):
    """The relay does not accept mail; the cause is no single address."""


class ConnectionFailed(RelayFailed):
    """One connection to the relay was refused or broke; others may work."""


class InboundFailed(Unavailable):
    """The mailbox of bounces cannot be read."""


class RelayBusy(RelayFailed):
    """The relay asks to slow down: it is paused, then used at a lower rate."""


class DomainsBusy(RelayBusy):
    """Many recipient domains in a row ask to slow down, which may be the relay's doing."""


class MailsRefused(RelayFailed):
    """The relay refuses every mail.

    Something is wrong with all of them, so no other relay is tried.
    """


class AlreadyRunning(DigestdError):
    """Another process holds the lock on this database."""


class NotInitialised(DigestdError):
    """The database does not exist, or is of another version."""


class NeedsInit(NotInitialised):
    """`digestd init`, or the start of the service, creates the database or upgrades it."""


class NotResumed(DigestdError):
    """The database is older than the mail sent with it, or on another machine.

    `digestd restore --resume` is needed.
    """


class Damaged(DigestdError):
    """One stored value cannot be read; others are not affected."""


class NotFound(DigestdError, LookupError):
    """No such subscriber, paper, delivery or source."""


LISTED_MAX = 1_000
"""The maximum number of lines listed one by one, so that a wrong file does not fill the memory."""


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A rejected line: its number, the field, and what to do."""

    line: int
    field: str
    message: str


@dataclass(slots=True)
class RejectedLines:
    """Rejected lines of a file; beyond LISTED_MAX they are only counted."""

    listed: list[RejectedLine] = field(default_factory=list)
    unlisted: int = 0

    def add(self, line: int, problem: BadRecord) -> None:
        """Add one line."""
        if len(self.listed) < LISTED_MAX:
            self.listed.append(RejectedLine(line, problem.field, problem.message))
        else:
            self.unlisted += 1

    def __len__(self) -> int:
        return len(self.listed) + self.unlisted

    def __iter__(self) -> Iterator[RejectedLine]:
        """Yield the listed lines, and at the end one that gives the number of the others."""
        yield from self.listed
        if self.unlisted:
            yield RejectedLine(self.listed[-1].line, "", f"{self.unlisted} more bad lines follow")
