"""Feedback: a subscriber's verdicts on papers that they were shown.

Also mutings made from papers.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.paper import PaperId


class Verdict(StrEnum):
    """A verdict on a paper."""

    MORE = "more"  # more like this
    LESS = "less"  # less like this
    SAVED = "saved"  # kept to read
    DISMISSED = "dismissed"  # put aside


POSITIVE_VERDICTS = frozenset({Verdict.MORE, Verdict.SAVED})
"""Verdicts that make a paper a like; the others make it a dislike."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One verdict event.

    `key` is its number, `undone` the time when the subscriber undid it.
    """

    key: int
    paper: PaperId
    verdict: Verdict
    at: datetime
    undone: datetime | None = None


@dataclass(frozen=True, slots=True)
class Muting:
    """One muting event: shown `paper`, the subscriber muted `interest`."""

    key: int
    paper: PaperId
    interest: Interest
    at: datetime
    undone: datetime | None = None


def as_interest(paper: PaperId, verdict: Verdict, at: datetime) -> Interest:
    """Return the newest verdict on a paper as an interest in it since that time."""
    return Interest(Kind.PAPER, paper, Stance.LIKED if verdict in POSITIVE_VERDICTS else Stance.MUTED, at)
