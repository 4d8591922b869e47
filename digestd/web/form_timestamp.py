"""Sign into a hidden field of a form when, and to which network, it was handed out.

A form that has somebody mailed is taken at once only if we handed it out to the same network between two seconds and
two hours ago. So another site cannot fetch stamps and have its visitors post them, and a program cannot keep a store
of them. A stamp says nothing else: the network is there as four bytes of a keyed hash.
"""

import re
from datetime import UTC, datetime, timedelta

from digestd.links import BadToken, Keys, Purpose, read, token

SOONEST = timedelta(seconds=2)
"""Nobody types an address in less."""
LATEST = timedelta(hours=2)
"""Nobody fills in a form for longer; who left it open overnight presses one button more."""
_IN_A_PAGE = re.compile(rb'(?<=name="stamp" value=")[\w-]+(?=")')


def new_timestamp(keys: Keys, network: bytes, now: datetime) -> str:
    """Return the stamp of a form that is handed out now to a network, given as trace.network_key."""
    return token(keys, Purpose.FORM, round(now.timestamp() * 1_000), now, _tag(keys, network))


def is_timely(keys: Keys, network: bytes, stamp: str, now: datetime) -> bool:
    """True if a form with this stamp is taken at once from this network."""
    age = _age(keys, network, stamp, now)
    return age is not None and SOONEST <= age <= LATEST


def still_good(keys: Keys, network: bytes, stamp: str, now: datetime) -> str:
    """Return the stamp of a form that is shown again: its own while that is good, as time counts from the first."""
    age = _age(keys, network, stamp, now)
    return stamp if age is not None and timedelta() <= age <= LATEST else new_timestamp(keys, network, now)


def with_new_timestamp(page: bytes, keys: Keys, network: bytes, now: datetime) -> bytes:
    """Return a page that was made before, its form handed out now to this network."""
    return _IN_A_PAGE.sub(new_timestamp(keys, network, now).encode(), page, count=1)


def _age(keys: Keys, network: bytes, stamp: str, now: datetime) -> timedelta | None:
    """Return how long ago a form was handed out; None if we did not hand it out to this network."""
    try:
        milliseconds, tag, _ = read(keys, Purpose.FORM, stamp, now)
        if tag != _tag(keys, network):
            return None
        return now - datetime.fromtimestamp(milliseconds / 1_000, UTC)
    except (BadToken, OverflowError, ValueError):
        return None


def _tag(keys: Keys, network: bytes) -> int:
    return int.from_bytes(keys.first.mac("form-network", network)[:4], "big")
