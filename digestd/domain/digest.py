"""Digests: one subscriber's picks for one period, immutable once planned."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

WINDOW = timedelta(days=7)
"""How long a paper stays a candidate."""
FIRST_WINDOW = timedelta(days=3)
"""How far back a first digest looks."""


class Section(StrEnum):
    """Where in the digest a pick stands."""

    FOR_YOU = "for_you"
    TRENDING = "trending"
    EXPLORATION = "exploration"  # by lot, so that feedback does not only confirm itself


class Why(StrEnum):
    """The kind of reason given for a pick; `Reason.value` names what matched."""

    AUTHOR = "author"  # a followed author wrote it
    TOPIC = "topic"  # words of the topic stand in the text
    PHRASE = "phrase"  # the phrase stands in the text
    NEAR_TOPIC = "near_topic"  # close in meaning, no literal hit
    LIKED = "liked"  # close to a paper the subscriber liked; value = its title
    REFERENCE = "reference"  # close to a private reference of the subscriber; value = its title, for them alone
    WORDS = "words"  # words that weigh for the subscriber, by all their likes together
    CATEGORY = "category"
    TREND = "trend"  # value = the figure, e.g. "42"
    NEW = "new"  # nothing matched and nobody voted yet


class Reason(NamedTuple):
    """Why a paper was picked. `value` names the matched interest; `words` are the matched words as they stand there."""

    why: Why
    value: str = ""
    words: tuple[str, ...] = ()

    @property
    def shareable(self) -> "Reason":
        """The reason for pages and feeds that may be passed on: without the title of a private reference."""
        return self._replace(value="") if self.why is Why.REFERENCE else self


class Pick(NamedTuple):
    """A chosen paper: `paper` and `revision` are the store's row numbers. A tuple, as each mail has a dozen.

    `rank`: its place by score among the candidates, from 1. `chance`: the probability that the subscriber
    likes it; `prior`: the same by what the package knows alone, before the install's own feedback. Both to
    four decimals. `propensity`: the probability with which it was drawn, None for what was chosen on its
    merits. `team`: which of two rankers on trial put it there, "" without a trial. `rank`, `chance` and
    `prior` are None in digests planned before they were kept.
    """

    paper: int
    revision: int
    score: float
    section: Section
    reason: Reason
    rank: int | None = None
    probability: float | None = None
    prior: float | None = None
    propensity: float | None = None
    team: str = ""


@dataclass(frozen=True, slots=True)
class Period:
    """What a digest covers: `key` is the local date `2026-11-24` or the ISO week `2026-W48`.

    `date` is the local date on which it falls due, `due` that instant in UTC.
    """

    key: str
    date: date
    due: datetime


@dataclass(frozen=True, slots=True)
class DigestSlot:
    """Where a digest stands in time: `covers_from` is the key of the oldest period it covers; when it `expires`, and
    when the next one is due; `local_date`: that of the subscriber on which it is planned, as ISO."""

    period: Period
    covers_from: str
    expires: datetime
    next_due: datetime
    local_date: str
