"""Bounces: reports about a mail, or about the address that it went to.

kind        what it says                                              what it does
──────────  ────────────────────────────────────────────────────────  ─────────────────────────────
hard        no such mailbox                                           suppresses at once, or is held
soft        not now: full, away, unreachable until the relay gave up  scores; suppresses when often
policy      refused because of the sender or the content              is reported, never suppresses
delayed     the relay still tries                                     nothing; proves it has the mail
complaint   the reader called it spam                                 suppresses at once

Soft bounces score one point per bounced mail. Points halve every thirty days, and each delivered mail in between
removes one. A daily reader who cannot be reached is suppressed after about a week, a weekly one after nine weeks. Hard
bounces and complaints need no score. Compare Mailman 3: suspended at five points, one a day, stale after seven days.

In a surge so many mails fail at once that the cause is the relay or the receiving server, not the readers. No real list
loses more than half of a handful of readers, or a fifth of many, within an hour or a day. Such failures come from a
relay's map, a directory behind it, or the sender's reputation, and end when somebody repairs that. So nobody is
suppressed for them, and refused mails wait.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
        held: True if it suppresses nobody yet, because too many came at once, it came too late, or the
            recipient gave feedback after the mail was sent.
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


HALVES_IN = timedelta(days=30)
WARN_AT = 3.0
SUPPRESS_AT = 5.0
FAILING_FOR = timedelta(days=6)
"""The minimum time between first and last failure, so that a full mailbox during a holiday is no reason."""
REMEMBERED = timedelta(days=180)
"""Older bounces weigh less than a hundredth of a point and are ignored."""
_ENOUGH = 0.01


class BounceAction(StrEnum):
    """The consequence of a bounce for its address."""

    FINE = "fine"
    WARNED = "warned"  # reported to the operator before anything happens
    HARD = "hard"  # no such mailbox: suppress
    SOFT = "soft"  # not reached for too long: suppress
    COMPLAINT = "complaint"  # suppress
    HELD = "held"  # reported as no such mailbox, but doubtful (see `Bounce.held`): the operator decides


@dataclass(frozen=True, slots=True)
class BounceScore:
    """The points of an address for its soft bounces in a time span."""

    points: float = 0.0
    first: datetime | None = None
    last: datetime | None = None
    delivery: int | None = None

    def at(self, now: datetime) -> float:
        """Return the points after their decay until `now`."""
        return self.points if self.last is None else self.points * _fading(now - self.last)


def score(bounces: Iterable[Bounce], accepted: Sequence[int]) -> BounceScore:
    """Return the score after all bounces of one address.

    A delivery counts once, and so does a day. A mail accepted between two deliveries that bounced is a success.

    Args:
        accepted: the numbers of the deliveries that the relay accepted.
    """
    soft = sorted((b for b in bounces if b.kind is BounceKind.SOFT), key=lambda b: (b.at, b.delivery or 0))
    failed = {bounce.delivery for bounce in soft}
    reached = [key for key in accepted if key not in failed]
    found = BounceScore()
    for bounce in soft:
        found = _after(found, bounce, reached)
    return found


def choose_action(bounce: Bounce, found: BounceScore) -> BounceAction:
    """Return what follows from a new bounce.

    Args:
        found: the score, with this bounce included.
    """
    if bounce.kind is BounceKind.COMPLAINT:
        return BounceAction.COMPLAINT
    if bounce.kind is BounceKind.HARD:
        return BounceAction.HARD
    if bounce.kind is not BounceKind.SOFT or found.first is None or found.last is None:
        return BounceAction.FINE
    if found.points >= SUPPRESS_AT and found.last - found.first >= FAILING_FOR:
        return BounceAction.SOFT
    return BounceAction.WARNED if found.points >= WARN_AT else BounceAction.FINE


def _after(before: BounceScore, bounce: Bounce, reached: Sequence[int]) -> BounceScore:
    if before.last is not None and _is_same(before, bounce):
        return before
    points = max(0.0, before.at(bounce.at) - _successes(before, bounce, reached))
    first = bounce.at if before.first is None or points < _ENOUGH else before.first
    return BounceScore(points + 1.0, first, bounce.at, bounce.delivery)


def _is_same(before: BounceScore, bounce: Bounce) -> bool:
    """Return True if a bounce repeats the one before.

    It is about the same mail or from the same day.
    """
    again = bounce.delivery is not None and bounce.delivery == before.delivery
    return again or (before.last is not None and bounce.at.date() == before.last.date())


def _successes(before: BounceScore, bounce: Bounce, reached: Sequence[int]) -> int:
    if before.delivery is None or bounce.delivery is None:
        return 0
    return sum(before.delivery < key < bounce.delivery for key in reached)


def _fading(age: timedelta) -> float:
    return math.exp2(-(max(age, timedelta()) / HALVES_IN))


FEW, MANY = 3, 10
"""The number of failed readers that can be a surge; from MANY on a smaller share is enough."""
FEW_PART, MANY_PART = 0.5, 0.2


@dataclass(frozen=True, slots=True)
class FailureCounts:
    """Counts of recently mailed readers: all, permanently failed, and reached."""

    tried: int = 0
    failed: int = 0
    reached: int = 0

    @property
    def is_unusual(self) -> bool:
        """Return True if more failed than the readers themselves can account for."""
        return (self.failed >= FEW and self.failed > FEW_PART * self.tried) or (
            self.failed >= MANY and self.failed > MANY_PART * self.tried
        )
