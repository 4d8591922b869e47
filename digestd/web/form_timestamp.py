"""Sign the time and network of a form into a hidden field.

A form that sends mail is accepted at once only if the same network got it between two seconds and two hours ago. So
other sites cannot fetch timestamps for their visitors to post, and programs cannot collect them. A timestamp contains
only the time and four bytes of a keyed hash of the network.
"""

import re
from datetime import UTC, datetime, timedelta

from digestd.security.links import BadToken, Keys, Purpose, make_token, read_token

MIN_AGE = timedelta(seconds=2)
"""Faster than a person can type an address."""
MAX_AGE = timedelta(hours=2)
"""Longer than a person needs for the form. Afterwards, one more click is needed."""
_IN_A_PAGE = re.compile(rb'(?<=name="stamp" value=")[\w-]+(?=")')


def new_timestamp(keys: Keys, network: bytes, now: datetime) -> str:
    """Return a timestamp for a network. `network`: from `consent_audit.network_key`."""
    return make_token(keys, Purpose.FORM, round(now.timestamp() * 1_000), now, _tag(keys, network))


def is_timely(keys: Keys, network: bytes, stamp: str, now: datetime) -> bool:
    """Return True if a form with this timestamp is accepted at once."""
    age = _age(keys, network, stamp, now)
    return age is not None and MIN_AGE <= age <= MAX_AGE


def refreshed_timestamp(keys: Keys, network: bytes, stamp: str, now: datetime) -> str:
    """Return the timestamp if it is still good, else a new one.

    For forms that are shown again.
    """
    age = _age(keys, network, stamp, now)
    return stamp if age is not None and timedelta() <= age <= MAX_AGE else new_timestamp(keys, network, now)


def with_new_timestamp(page: bytes, keys: Keys, network: bytes, now: datetime) -> bytes:
    """Return a cached page with a new timestamp in its form."""
    return _IN_A_PAGE.sub(new_timestamp(keys, network, now).encode(), page, count=1)


def _age(keys: Keys, network: bytes, stamp: str, now: datetime) -> timedelta | None:
    """Return the age of a form, or None if this network did not get it from us."""
    try:
        milliseconds, tag, _ = read_token(keys, Purpose.FORM, stamp, now)
        if tag != _tag(keys, network):
            return None
        return now - datetime.fromtimestamp(milliseconds / 1_000, UTC)
    except (BadToken, OverflowError, ValueError):
        return None


def _tag(keys: Keys, network: bytes) -> int:
    return int.from_bytes(keys.original.mac("form-network", network)[:4], "big")
