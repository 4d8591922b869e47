"""Coverage: how complete one announcement day of one source is."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class CoverageState(StrEnum):
    """What became of one day of one source."""

    FRESH = "fresh"  # what was announced is here
    QUIET = "quiet"  # nothing was to be expected, and nothing came
    PARTIAL = "partial"  # some of it is here: pages or records are missing
    LATE = "late"  # it should be here by now, and the source does not have it yet
    STALE = "stale"  # the source answers as if all were well, with what it said before
    BROKEN = "broken"  # there was no usable answer


@dataclass(frozen=True, slots=True)
class Coverage:
    """One day of one source (its spec). `expected`: about how many papers; None where nothing is known."""

    source: str
    day: date
    state: CoverageState
    items: int = 0
    expected: int | None = None
    note: str = ""
