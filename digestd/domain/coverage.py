"""Coverage: the completeness of one announcement day of one source."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class CoverageState(StrEnum):
    """The state of one day of one source."""

    FRESH = "fresh"  # complete
    QUIET = "quiet"  # nothing was expected, and nothing came
    PARTIAL = "partial"  # incomplete: pages or records are missing
    LATE = "late"  # overdue: the source does not have it yet
    STALE = "stale"  # the source repeats an earlier answer
    BROKEN = "broken"  # no usable answer


@dataclass(frozen=True, slots=True)
class Coverage:
    """One day of one source.

    Attributes:
        source: the source's spec.
        expected: the approximate number of papers; None if unknown.
    """

    source: str
    day: date
    state: CoverageState
    items: int = 0
    expected: int | None = None
    note: str = ""


SOURCE_IN_USE = timedelta(days=3)
"""A source without any record for longer is no longer in use."""
COMPLETE = frozenset({CoverageState.FRESH, CoverageState.QUIET})
"""States that need no notice to anybody."""


def incomplete_states(rows: Iterable[Coverage], today: date) -> dict[str, CoverageState]:
    """Return the sources whose newest day until today is incomplete, with its state.

    Older incomplete days no longer count, because newer papers have arrived.
    """
    newest: dict[str, Coverage] = {}
    for row in rows:
        if row.day <= today and (row.source not in newest or newest[row.source].day < row.day):
            newest[row.source] = row
    return {source: row.state for source, row in sorted(newest.items()) if row.state not in COMPLETE}
