"""Feedback: what a subscriber said of one paper they were shown, or of something in it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.paper import PaperId


class Verdict(StrEnum):
    """What was said of a paper."""

    MORE = "more"  # more like this
    LESS = "less"  # less like this
    SAVED = "saved"  # kept to read
    DISMISSED = "dismissed"  # put aside


POSITIVE_VERDICTS = frozenset({Verdict.MORE, Verdict.SAVED})
"""Verdicts that make a paper a like; the others make it a dislike."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One event: `key` is its number, `undone` when the subscriber took it back."""

    key: int
    paper: PaperId
    verdict: Verdict
    at: datetime
    undone: datetime | None = None


@dataclass(frozen=True, slots=True)
class Muting:
    """One event: shown `paper`, the subscriber wanted to see nothing more that has `interest`."""

    key: int
    paper: PaperId
    interest: Interest
    at: datetime
    undone: datetime | None = None


def as_interest(paper: PaperId, verdict: Verdict, at: datetime) -> Interest:
    """What the newest verdict on a paper means for ranking: the same as naming it a seed paper then."""
    return Interest(Kind.PAPER, paper, Stance.LIKED if verdict in POSITIVE_VERDICTS else Stance.MUTED, at)
