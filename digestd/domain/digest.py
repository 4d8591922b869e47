"""Digests: one subscriber's picks for one period, immutable once planned."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from digestd.domain.coverage import CoverageState
from digestd.domain.interest import Kind

WINDOW = timedelta(days=7)
"""The time for which a paper stays a candidate."""
FIRST_WINDOW = timedelta(days=3)
"""The time that a first digest looks back, unless it is weekly."""


class Section(StrEnum):
    """The section of the digest that a pick is in."""

    FOR_YOU = "for_you"
    NEAR = "near"  # below the minimum score, because few papers reach it
    TRENDING = "trending"
    EXPLORATION = "exploration"  # at random, so that feedback does not only confirm itself

    __hash__ = str.__hash__  # Enum's is written in Python; each pick is looked up several times by it


class ReasonKind(StrEnum):
    """The kind of reason for a pick; `Reason.value` names what matched."""

    AUTHOR = "author"  # a followed author wrote it
    TITLE = "title"  # the title names the topic; words = how
    TOPIC = "topic"  # the abstract names the topic; words = a quote
    BACKGROUND = "background"  # the abstract names the topic in what was known before, or in part; words = a quote
    PHRASE = "phrase"  # the phrase is in the title or in what the authors did; words = how, or a quote
    PASSING = "passing"  # the phrase is in the background or the results alone; words = a quote
    JUDGED = "judged"  # a language model says that it is about the topic
    JUDGED_NEAR = "judged_near"  # a language model says that it is near the topic
    NEAR_TOPIC = "near_topic"  # close in meaning; words = what the paper has of the topic
    NEAREST = "nearest"  # nothing matched; value = the topic that comes nearest, or empty
    LIKED = "liked"  # close to a paper the subscriber liked; value = its title
    REFERENCE = "reference"  # close to a private reference of the subscriber; value = its title, for them alone
    WORDS = "words"  # words with high weight in all their likes together
    CATEGORY = "category"
    INSTITUTION = "institution"  # an author is there; words = as the paper names it
    VENUE = "venue"  # it is published there; words = as the paper names it
    GROUP = "group"  # a shared interest of a group matched; value = the group, the first word = the interest
    CO_LIKES = "co_likes"  # at least three people with similar likes liked it
    GROUP_LIKES = "group_likes"  # at least three colleagues in a group liked or saved it, and nothing else matched
    TREND = "trend"  # value = the figure, e.g. "42"
    NEW = "new"  # nothing matched and nobody voted yet
    RANDOM = "random"  # an exploration paper

    __hash__ = str.__hash__  # as above


INTEREST_KINDS: Mapping[ReasonKind, Kind] = {
    ReasonKind.AUTHOR: Kind.AUTHOR,
    ReasonKind.TITLE: Kind.TOPIC,
    ReasonKind.TOPIC: Kind.TOPIC,
    ReasonKind.BACKGROUND: Kind.TOPIC,
    ReasonKind.NEAR_TOPIC: Kind.TOPIC,
    ReasonKind.NEAREST: Kind.TOPIC,
    ReasonKind.JUDGED: Kind.TOPIC,
    ReasonKind.JUDGED_NEAR: Kind.TOPIC,
    ReasonKind.PHRASE: Kind.PHRASE,
    ReasonKind.PASSING: Kind.PHRASE,
    ReasonKind.CATEGORY: Kind.CATEGORY,
    ReasonKind.INSTITUTION: Kind.INSTITUTION,
    ReasonKind.VENUE: Kind.VENUE,
}
"""The kind of interest that a reason names by its value; absent for other reasons."""


class Occasion(StrEnum):
    """An occasion that makes a digest special, as known when it was planned or, for a chat room, sent."""

    EMPTY = "empty"  # no paper is even near, and the subscriber wants to know
    FIRST = "first"  # the subscriber's first digest
    UNANSWERED = "unanswered"  # no source answered: for this empty digest, or for the empty one before it
    AFTER_GAP = "after_gap"  # the digest before it covered a time that ended before this one begins
    ROOM_FAILED = "room_failed"  # it comes by mail, because the subscriber's chat room did not take digests
    SAVING = "saving"  # from now on, papers that the subscriber saves go to a library
    NOT_SAVED = "not_saved"  # papers that the subscriber saved did not get into their library
    ROOM_ENDED = "room_ended"  # it comes by mail, because subscribers no longer set chat rooms


class ChangeKind(StrEnum):
    """The kind of a change of a paper; `Change.value` names what changed."""

    WITHDRAWN = "withdrawn"
    RETRACTED = "retracted"  # its publication was, its preprint stands
    REINSTATED = "reinstated"  # neither of both any more
    VERSION = "version"  # value = its number
    TITLE = "title"  # value = the new title
    FIGURE = "figure"  # the abstract is the same but for a figure; value = the new one, before = the old one
    REWRITTEN = "rewritten"  # the abstract has fewer than half of its words in common with the old one
    PARTLY = "partly"  # the abstract has some other words
    SAME_TEXT = "same_text"  # a new version has the same title and abstract
    PUBLISHED = "published"  # value = the journal or conference, or empty; url = that of its DOI, or empty
    CODE = "code"  # url = that of the code
    PROJECT = "project"  # url = that of the project's page, its data or models


class Change(NamedTuple):
    """A change of a paper."""

    kind: ChangeKind
    value: str = ""
    before: str = ""
    url: str = ""


class SavedNews(NamedTuple):
    """The changes of a paper since a subscriber saved it, or was told of others.

    Attributes:
        title: the title that they know.
        saved: the store's row number of what they said.
        known, current: those of the revision that they knew, and of the one that they know by this.
    """

    title: str
    url: str
    changes: tuple[Change, ...]
    saved: int = 0
    known: int = 0
    current: int = 0

    @property
    def is_withdrawn(self) -> bool:
        return self.changes[0].kind in {ChangeKind.WITHDRAWN, ChangeKind.RETRACTED}


class DigestFacts(NamedTuple):
    """State what a digest says besides its picks. A NamedTuple, because every claim has one.

    Attributes:
        considered: How many papers it was chosen from; 0 hides the number.
        coverage: The sources that were incomplete at planning, by label; None if that cannot be read.
        occasions: What is special about this digest.
        most_read: The store's row number of the revision that everybody reads and that is no pick; 0 without one.
        news: What changed about papers that the subscriber saved.
    """

    considered: int = 0
    coverage: Mapping[str, CoverageState] | None = MappingProxyType({})
    occasions: frozenset[Occasion] = frozenset()
    most_read: int = 0
    news: tuple[SavedNews, ...] = ()


class Reason(NamedTuple):
    """The reason for a pick.

    `value` names the matched interest, `words` are the matched words as written there. If a topic names several
    subjects, these are a quote, which may be empty, and the subject.
    """

    kind: ReasonKind
    value: str = ""
    words: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """Return the matched interest, or the part of a topic that matched."""
        return self.words[1] if self.words[1:] and INTEREST_KINDS.get(self.kind) is Kind.TOPIC else self.value

    @property
    def shareable(self) -> "Reason":
        """Return the reason for public pages and feeds, without titles of private references and names of groups."""
        if self.kind is ReasonKind.GROUP:
            return Reason(self.kind)
        return self._replace(value="") if self.kind is ReasonKind.REFERENCE else self


class Pick(NamedTuple):
    """A chosen paper. A NamedTuple, because every mail has a dozen.

    Attributes:
        paper, revision: the store's row numbers.
        rank: the place by score among the candidates, from 1.
        probability: the probability that the subscriber likes it, to four decimals.
        prior: the same by the package's calibration alone, without this installation's feedback.
        propensity: the probability of drawing it in exploration; None if it was chosen by score.
        team: the ranker on trial that chose it, in digests of the first release; else empty.
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
    """The period that a digest covers.

    Attributes:
        key: the local date `2026-11-24`, or the ISO week `2026-W48`.
        date: the local date on which the digest is due.
        due: that time in UTC.
    """

    key: str
    date: date
    due: datetime


@dataclass(frozen=True, slots=True)
class DigestSlot:
    """The times of a digest.

    Attributes:
        covers_from: the key of the oldest period that it covers.
        expires: when it is too late to send it.
        next_due: when the next digest is due.
        local_date: the subscriber's date at planning, as ISO text.
        day_ends: when that date ends; until then an empty digest is not final.
    """

    period: Period
    covers_from: str
    expires: datetime
    next_due: datetime
    local_date: str
    day_ends: datetime
