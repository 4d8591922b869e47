"""What people and programs type, within what can be reckoned with."""

from datetime import datetime

NUMBER_MAX = 2**53
"""The largest number asked for: what reads JSON elsewhere knows no larger one exactly (RFC 8259 section 6)."""
_YEARS = range(1970, 2200)
"""A day before and a week after a time is one too, in any zone."""


def parse_datetime(text: str) -> datetime:
    """A time as ISO 8601, aware only if it names its zone. Raises ValueError, which names what is wanted."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"invalid time {text[:40]!r}; write it like 2026-11-24T07:00:00Z") from None
    if at.year not in _YEARS:
        raise ValueError(f"invalid time {text[:40]!r}; the year must be {_YEARS[0]} to {_YEARS[-1]}")
    return at
