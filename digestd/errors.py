"""What can go wrong, said so that a person can act on it.

    DigestdError
    ├── BadInput             the caller's words are wrong: change them, then try again
    │   ├── BadSetting       a setting is missing, unknown or dangerous
    │   └── BadRecord        one line of an import: field and remedy
    ├── Unavailable          something outside is not there now: try again later
    │   ├── DatabaseUnreachable
    │   ├── RelayFailed
    │   │   ├── RelayBusy     it asks for less
    │   │   └── MailsRefused  it refuses mail after mail alike
    │   │       └── MailsBroken  they cannot even be composed
    │   ├── InboundFailed
    │   ├── DiskFull          (deliver.room)
    │   └── SourceAway       also a SourceFailed
    ├── SourceFailed         a source gave no usable answer
    ├── AlreadyRunning       another process does this on the same database
    ├── NotInitialised       the database was not made yet, or for another version
    ├── Damaged              the database holds what cannot be read
    ├── NotAdopted           the database is not the one that has sent, or not on the machine that did
    └── NotFound             no such subscriber, paper, delivery, source

Every error is one line: what is wrong, and the remedy. `retry` says whether the same
call may work later without any change.
"""

import re

_FOR_PROGRAMMERS = (
    (re.compile(r"^Value error, "), ""),
    (re.compile(r"Input should (be|have)"), r"must \1"),
    (re.compile(r", unable to (?:parse|interpret) .*"), ""),
)


def plain(said: str) -> str:
    """What a person needs of what pydantic says of a value that is refused."""
    for pattern, words in _FOR_PROGRAMMERS:
        said = pattern.sub(words, said)
    return said


class DigestdError(Exception):
    """Any failure an operator can do something about; shown as one line, never a traceback."""

    retry = False
    exit_code = 1


class BadInput(DigestdError, ValueError):
    """The caller's words are wrong: nothing was changed."""

    exit_code = 2


class BadSetting(BadInput):
    """A setting is missing, unknown, or too dangerous to start with."""


class BadRecord(BadInput):
    """One record of an import is wrong; `field` names the part, the message the remedy."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Unavailable(DigestdError):
    """Something outside is not there now; the same call may work later."""

    retry = True


class DatabaseUnreachable(Unavailable):
    """The database does not answer, or is not a digestd database."""


class SourceFailed(DigestdError):
    """A source did not give a usable answer; asked again, it gives the same."""


class SourceAway(SourceFailed, Unavailable):
    """A source did not answer now, or its answer could not be read now; what was asked may be right."""


class RelayFailed(Unavailable):
    """The relay refuses to serve us at all; no subscriber is to blame."""


class InboundFailed(Unavailable):
    """The mailbox where bounces arrive cannot be read."""


class RelayBusy(RelayFailed):
    """The relay asks for less of everything: it is left alone for a while, and sent to more slowly."""


class MailsRefused(RelayFailed):
    """The relay refuses mail after mail alike: something is wrong with all of them, so no other relay is tried."""


class MailsBroken(MailsRefused):
    """Mail after mail cannot be composed: no relay is to blame, and none is tried."""


class AlreadyRunning(DigestdError):
    """Another process holds the lock on this database."""


class NotInitialised(DigestdError):
    """The database was not made yet, or for another version; nothing but `digestd init` helps."""


class NotAdopted(DigestdError):
    """The database is older than the mails sent with it, or on another machine; `digestd adopt` goes on with it."""


class Damaged(DigestdError):
    """What the database holds of one thing cannot be read; the others are well."""


class NotFound(DigestdError, LookupError):
    """No such subscriber, paper, delivery or source."""
