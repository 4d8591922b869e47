"""Read JSON and times that others wrote, within limits."""

import json
import math
from datetime import datetime
from typing import Any

NUMBER_MAX = 2**53
"""The largest number that every JSON reader represents exactly (RFC 8259 section 6)."""
_YEARS = range(1970, 2200)
"""Years in which a time plus or minus a week is valid in every zone."""
DEPTH_MAX = 100
"""Maximum nesting. Python's own limit depends on how deep the caller is, and our code follows values recursively."""
DIGITS_MAX = 30


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


def load_json(text: bytes | str, *, strict: bool = False) -> Any:
    """Parse a JSON text.

    Args:
        text: the text; bytes in UTF-8, -16 or -32.
        strict: refuse a text with such a number: it is one record, whose author can correct it.

    Raises:
        ValueError: It is not JSON, or nested too deeply; UnicodeDecodeError in another encoding.
    """

    def odd(number: str) -> None:
        if strict:
            raise ValueError(f"the number {number[:20]} is too large, or none")

    try:
        value = json.loads(
            text,
            parse_int=lambda digits: int(digits) if len(digits) <= DIGITS_MAX else odd(digits),
            parse_float=lambda digits: real if math.isfinite(real := float(digits)) else odd(digits),
            parse_constant=odd,
        )
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if _openings(text) > DEPTH_MAX and _is_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


_TOO_DEEP = f"it is nested more than {DEPTH_MAX} levels deep"


def _openings(text: bytes | str) -> int:
    return text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")


def _is_deep(value: object) -> bool:
    """Return True if a value is nested too deeply: level by level, as recursion would fail on it."""
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [child for one in level for child in _children(one) if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _children(value: object) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
