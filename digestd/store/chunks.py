"""Lists of values in pieces that one statement can take."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

_T = TypeVar("_T")
CHUNK = 5_000
"""Values in one IN list, far below SQLite's 32,766 and PostgreSQL's 65,535."""


def chunks(values: Iterable[_T]) -> Iterator[list[_T]]:
    """Yield the values in lists short enough for one statement."""
    held = list(values)
    for start in range(0, len(held), CHUNK):
        yield held[start : start + CHUNK]
