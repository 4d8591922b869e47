"""Limits on what people and programs enter."""

from datetime import datetime

NUMBER_MAX = 2**53
"""The largest number that every JSON reader represents exactly (RFC 8259 section 6)."""
_YEARS = range(1970, 2200)
"""Years in which a time plus or minus a week is valid in every zone."""


def parse_datetime(text: str) -> datetime:
    """Parse an ISO 8601 time, aware only if it names its zone.

    Raises ValueError with an example.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"invalid time {text[:40]!r}; write it like 2026-11-24T07:00:00Z") from None
    if at.year not in _YEARS:
        raise ValueError(f"invalid time {text[:40]!r}; the year must be {_YEARS[0]} to {_YEARS[-1]}")
    return at
