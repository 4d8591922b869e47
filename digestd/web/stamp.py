"""When a form was handed out, as the form itself tells: signed, so that it can be believed.

A form that has somebody mailed is taken at once only if it is ours, and came back neither within two seconds nor
after a day. A stamp names nobody and serves any visitor, so pages that hold one may be kept for all.
"""

import re
from datetime import UTC, datetime, timedelta

from digestd.links import BadToken, Keys, Purpose, read, token

SOONEST = timedelta(seconds=2)
"""Nobody types an address in less."""
LATEST = timedelta(days=1)
_IN_A_PAGE = re.compile(rb'(?<=name="stamp" value=")[\w-]+(?=")')


def stamped(keys: Keys, now: datetime) -> str:
    """The stamp of a form that is handed out now."""
    return token(keys, Purpose.FORM, round(now.timestamp() * 1_000), now)


def is_taken(keys: Keys, stamp: str, now: datetime) -> bool:
    """Whether a form with this stamp is taken at once."""
    age = _age(keys, stamp, now)
    return age is not None and SOONEST <= age <= LATEST


def kept(keys: Keys, stamp: str, now: datetime) -> str:
    """What a form that is shown once more carries: its own stamp while that is good, for time counts from the first."""
    age = _age(keys, stamp, now)
    return stamp if age is not None and timedelta() <= age <= LATEST else stamped(keys, now)


def restamped(page: bytes, keys: Keys, now: datetime) -> bytes:
    """A page that was made before, its form handed out now."""
    return _IN_A_PAGE.sub(stamped(keys, now).encode(), page, count=1)


def _age(keys: Keys, stamp: str, now: datetime) -> timedelta | None:
    """How long a form was away; None where it is none of ours."""
    try:
        milliseconds = read(keys, Purpose.FORM, stamp, now).number
        return now - datetime.fromtimestamp(milliseconds / 1_000, UTC)
    except (BadToken, OverflowError, ValueError):
        return None
