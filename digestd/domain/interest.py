"""Interests: things that a subscriber wants more of, or none of, and their feedback on papers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b

from digestd.domain.paper import PaperId
from digestd.text.refusals import is_within, split_refusals

TOPIC_SHOWN_MAX = 60
"""Characters that mails and hints show of a topic, which may be a paragraph."""


class Kind(StrEnum):
    """The kind of thing that an interest names."""

    TOPIC = "topic"  # free text, matched by meaning
    PHRASE = "phrase"  # exact words
    AUTHOR = "author"
    CATEGORY = "category"
    INSTITUTION = "institution"  # of an author
    VENUE = "venue"  # a journal or conference
    PAPER = "paper"  # a seed paper, by PaperId


COLLECTIONS = (Kind.CATEGORY, Kind.INSTITUTION, Kind.VENUE)
"""Kinds that name a collection of papers, which may have hundreds a day."""


class Stance(StrEnum):
    """The subscriber's stance on an interest: more of it, or none of it."""

    LIKED = "liked"
    MUTED = "muted"


@dataclass(frozen=True, slots=True)
class Interest:
    """An interest of a subscriber.

    Attributes:
        value: the words as entered, or the PaperId of a paper.
        since: when the subscriber said so.
        is_click: whether it follows from a verdict on a paper.
    """

    kind: Kind
    value: str
    stance: Stance = Stance.LIKED
    since: datetime | None = field(default=None, compare=False)
    is_click: bool = field(default=False, compare=False)


def topic_key(topic: str) -> bytes:
    """Return the key of a topic as typed, under which a language model's judgments are kept."""
    return blake2b(topic.encode(), digest_size=16).digest()


def values(interests: Iterable[Interest], kind: Kind, stance: Stance = Stance.LIKED) -> tuple[str, ...]:
    return tuple(i.value for i in interests if i.kind is kind and i.stance is stance)


HINTED_MAX = 10
"""Topics of one request that hints are given about."""


def with_refusals(interests: Iterable[Interest], *, stored: bool = False) -> tuple[Interest, ...]:
    """Return interests with what topics refuse as muted topics: "not cars", or "robots, but not drones".

    `stored`: nobody is told, so only what cannot be the name of a subject is a refusal.
    """
    typed = tuple(interests)
    topics = values(typed, Kind.TOPIC)
    refused = {topic: split for topic in topics if (split := _split_among(topic, topics, stored))[1]}
    if not refused:
        return typed
    distinct: dict[tuple[Kind, str], Interest] = {}
    for one in (part for interest in typed for part in _parts(interest, refused)):
        known = distinct.setdefault((one.kind, one.value), one)
        if known.stance is Stance.MUTED and one.stance is Stance.LIKED:
            distinct[one.kind, one.value] = one
    return tuple(distinct.values())


def _split_among(topic: str, topics: Iterable[str], stored: bool) -> tuple[str, tuple[str, ...]]:
    """Return what a topic asks for and refuses, unless the latter would take another topic away."""
    wanted, refused = split_refusals(topic, stored=stored)
    if wanted and any(is_within(other, one) for one in refused for other in topics if other != topic):
        return topic, ()
    return wanted, refused


def _parts(interest: Interest, refused: Mapping[str, tuple[str, tuple[str, ...]]]) -> Iterator[Interest]:
    if interest.kind is not Kind.TOPIC or interest.stance is Stance.MUTED or interest.value not in refused:
        yield interest
        return
    wanted, others = refused[interest.value]
    if wanted:
        yield replace(interest, value=wanted)
    yield from (replace(interest, value=other, stance=Stance.MUTED) for other in others)


@dataclass(frozen=True, slots=True)
class TopicHint:
    """A note about a topic.

    Attributes:
        topic: As typed.
        understood: Its corrected spelling, long form or English name; empty if it is understood as typed.
        is_corrected: Whether `understood` corrects the spelling.
        papers: Number of papers of the last days that are about it.
        is_unknown: Whether no paper is about it or uses any of its words, and the glossary does not know it.
        is_muted: Whether it was refused where topics are asked for, and so is muted.
    """

    topic: str
    understood: str
    is_corrected: bool
    papers: int
    is_unknown: bool
    is_muted: bool = False

    @property
    def is_notable(self) -> bool:
        """Return True if the topic was not simply understood and found."""
        return bool(self.understood) or not self.papers


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
    return Interest(
        Kind.PAPER, paper, Stance.LIKED if verdict in POSITIVE_VERDICTS else Stance.MUTED, at, is_click=True
    )
