"""The order in which a digest shows its picks: by section, and by interest where that reads better.

A pure function of the picks, so that a mail, its web page and the numbers in commands ("more 3") always agree. The
picks themselves stay in the order of the ranking.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from digestd.domain.digest import INTEREST_KINDS, Reason, ReasonKind, Section
from digestd.domain.interest import Kind

_GROUP_MIN = 2
_ALONE_MIN = 3
"""Papers of a group; of the only group in a digest."""


class HeadingKind(StrEnum):
    """The content of a heading."""

    FOR_YOU = "for_you"
    NEAR = "near"
    NEAR_TOPICS = "near_topics"
    TRENDING = "trending"
    NEW = "new"  # trending papers for which nobody voted yet
    EXPLORATION = "exploration"
    TOPIC = "topic"
    PHRASE = "phrase"
    AUTHOR = "author"
    CATEGORY = "category"
    INSTITUTION = "institution"
    VENUE = "venue"
    ALSO = "also"  # what is left beside the groups
    SAVED = "saved"  # not picks, but news of papers that the subscriber saved

    __hash__ = str.__hash__  # Enum's is written in Python; each heading is looked up several times by it


_GROUPED = {
    reason: HeadingKind(kind.value) for reason, kind in INTEREST_KINDS.items() if reason is not ReasonKind.NEAREST
}
"""Kinds of reasons that name an interest, and their heading. Private references never make a heading."""


class Heading(NamedTuple):
    """The heading of a block. `value`: the interest that it names, or empty."""

    kind: HeadingKind
    value: str = ""


_SECTIONS = HeadingKind.NEAR, HeadingKind.TRENDING, HeadingKind.NEW, HeadingKind.EXPLORATION
"""The sections after FOR_YOU, in the order shown."""
_OF_SECTION = {section: HeadingKind(section) for section in Section}


class Block(NamedTuple):
    """Picks under one heading. `places`: their places in the ranking, from 0."""

    heading: Heading
    places: tuple[int, ...]


class Shown(Protocol):
    """The part of a pick that the layout reads."""

    @property
    def section(self) -> Section: ...
    @property
    def reason(self) -> Reason: ...


def blocks(picks: Sequence[Shown]) -> tuple[Block, ...]:
    """Return the blocks of a digest in the order shown.

    Picks of FOR_YOU are grouped by interest if at least two interests have two papers each, or one has three. Groups
    are ordered by their best pick. Of the picks for no interest, those better than any group stay before the first
    one, and the others follow the last one.
    """
    places: dict[HeadingKind, list[int]] = {}
    for place, pick in enumerate(picks):
        is_new = pick.section is Section.TRENDING and pick.reason.kind is ReasonKind.NEW
        places.setdefault(HeadingKind.NEW if is_new else _OF_SECTION[pick.section], []).append(place)
    found = _by_interest(picks, places.get(HeadingKind.FOR_YOU, []))
    found += [Block(Heading(kind), tuple(places[kind])) for kind in _SECTIONS if kind in places]
    if any(INTEREST_KINDS.get(picks[place].reason.kind) is Kind.TOPIC for place in places.get(HeadingKind.NEAR, ())):
        near, topics = (Heading(kind) for kind in (HeadingKind.NEAR, HeadingKind.NEAR_TOPICS))
        found = [block._replace(heading=topics) if block.heading == near else block for block in found]
    return tuple(found)


def order_shown(picks: Sequence[Shown]) -> tuple[int, ...]:
    """Return the places of the picks in the order shown: number n of a digest is `order_shown(picks)[n - 1]`."""
    return tuple([place for block in blocks(picks) for place in block.places])


def _by_interest(picks: Sequence[Shown], places: Sequence[int]) -> list[Block]:
    groups: dict[Heading, list[int]] = {}
    for place in places:
        reason = picks[place].reason
        if reason.kind in _GROUPED and reason.value:
            groups.setdefault(Heading(_GROUPED[reason.kind], reason.subject), []).append(place)
    sizes = sorted(map(len, groups.values()), reverse=True)
    if sizes[:1] < [_ALONE_MIN] and sizes[1:2] < [_GROUP_MIN]:
        return [Block(Heading(HeadingKind.FOR_YOU), tuple(places))] if places else []
    grouped = {place for own in groups.values() for place in own}
    first = min(grouped)
    before = tuple([place for place in places if place < first])
    after = tuple([place for place in places if place > first and place not in grouped])
    return [
        *([Block(Heading(HeadingKind.FOR_YOU), before)] if before else []),
        *(Block(heading, tuple(own)) for heading, own in groups.items()),
        *([Block(Heading(HeadingKind.ALSO), after)] if after else []),
    ]
