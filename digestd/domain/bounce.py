"""Bounces: what came back about a mail, or about the address it went to.

kind        what it says                                              what it does
──────────  ────────────────────────────────────────────────────────  ─────────────────────────────
hard        there is no such mailbox                                  suppresses at once, or is held
soft        not now: full, away, unreachable until the relay gave up  scores; suppresses when often
policy      refused for who sends or what is sent                     is told, never suppresses
delayed     the relay still tries                                     nothing; proves it has the mail
complaint   the reader called it spam                                 suppresses at once
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class BounceKind(StrEnum):
    """What a bounce says; the table above says what follows."""

    HARD = "hard"
    SOFT = "soft"
    POLICY = "policy"
    DELAYED = "delayed"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class Bounce:
    """One thing that came back. `key`: 32 bytes, the same whenever the same thing is told again.

    `via` tells who said so: the relay's reply, a format of mail, or a provider. `status` is the
    RFC 3463 code, empty where none was given. `delivery` and `attempt` are None where unknown. `held`: it suppresses
    nobody, as it came with too many others or contradicts its reader.
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
    """What became of one mail that came in, or of one event that a provider posted."""

    TAKEN = "taken"  # a bounce of ours, counted
    COMMAND = "command"  # a command by mail, done or answered
    UNPROVEN = "unproven"  # a command that nobody proved: whom it speaks of is asked, if they may be
    KNOWN = "known"  # the same was told before
    AUTOMATIC = "automatic"  # out of office, challenge: nobody needs to read it
    FORGED = "forged"  # a return path in our form that we did not write
    UNTAGGED = (
        "untagged"  # a bounce that names a mail of ours, and not its return path: proves nothing, changes nothing
    )
    FOREIGN = "foreign"  # about nothing of ours
    UNREAD = "unread"  # ours, but in no form that is understood: kept for a person
    TOO_LARGE = "too_large"
