"""Conversion between aware datetimes and whole microseconds since 1970 UTC."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
US_MAX = 1 << 57
"""A later instant is not from a clock: it would be some 4,500 years ahead."""
_MICROSECOND = timedelta(microseconds=1)


def to_us(instant: datetime) -> int:
    """Return microseconds since 1970 UTC, exact. Raise ValueError for a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError("a naive datetime names no instant")
    return (instant - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=1_024)  # what comes in a batch is mostly of one moment
def from_us(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)
