"""Read JSON (RFC 8259) that others wrote, within limits of depth and length.

One odd value must not hide the others: a number that is too long, NaN and Infinity read as null, so that only the
record which needs them is refused.
"""

import json
import math
from typing import Any

DEPTH_MAX = 100
"""Maximum nesting. Python's own limit depends on how deep the caller is, and our code follows values recursively."""
DIGITS_MAX = 30


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
