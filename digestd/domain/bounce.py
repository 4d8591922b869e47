"""Bounces: reports about a mail, or about the address that it went to.

kind        what it says                                              what it does
──────────  ────────────────────────────────────────────────────────  ─────────────────────────────
hard        no such mailbox                                           suppresses at once, or is held
soft        not now: full, away, unreachable until the relay gave up  scores; suppresses when often
policy      refused because of the sender or the content              is reported, never suppresses
delayed     the relay still tries                                     nothing; proves it has the mail
complaint   the reader called it spam                                 suppresses at once
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class BounceKind(StrEnum):
    """The kind of a bounce; the table above says what follows from it."""

    HARD = "hard"
    SOFT = "soft"
    POLICY = "policy"
    DELAYED = "delayed"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class Bounce:
    """One report about a mail or an address.

    Attributes:
        key: 32 bytes, the same whenever the same report is received again.
        via: the origin of the report: the relay's reply, a mail format, or a provider.
        status: the RFC 3463 code, or empty.
        delivery, attempt: the mail it is about; None if unknown.
        held: True if it suppresses nobody yet, because too many came at once or it contradicts a successful delivery.
    """

    key: bytes
    address_key: bytes
    kind: BounceKind
    via: str
    status: str
    delivery: int | None
    attempt: int | None
    at: datetime
    held: bool = False


class InboundOutcome(StrEnum):
    """The outcome of one incoming mail, or of one event posted by a provider."""

    TAKEN = "taken"  # a bounce of one of our mails, recorded
    COMMAND = "command"  # a command by mail, done or answered
    UNPROVEN = "unproven"  # a command without proof: its subscriber is asked by mail, if they may get one
    KNOWN = "known"  # a duplicate
    AUTOMATIC = "automatic"  # out of office or challenge: no action needed
    FORGED = "forged"  # a return path in our format with an invalid signature
    UNTAGGED = "untagged"  # a bounce that names one of our mails without its return path: no proof, so no action
    FOREIGN = "foreign"  # not about any of our mails
    UNREAD = "unread"  # about our mail in an unknown format: quarantined for a person
    TOO_LARGE = "too_large"
