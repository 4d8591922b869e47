"""Score soft bounces by address.

One point per bounced mail, which decays with time and with success.

Points halve every thirty days, and each delivered mail in between removes one. A daily reader who cannot be reached
is suppressed after about a week, a weekly one after nine weeks. Hard bounces and complaints need no score. Compare
Mailman 3: suspended at five points, one a day, stale after seven days.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from digestd.domain.bounce import Bounce, BounceKind

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
    HELD = "held"  # reported as no such mailbox, but too many at once or too late: the operator decides


@dataclass(frozen=True, slots=True)
class BounceScore:
    """The points of an address.

    They stand for the soft bounces of a time span.
    """

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
