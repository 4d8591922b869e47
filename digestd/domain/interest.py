"""Interests: things that a subscriber wants more of, or none of."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """The kind of thing that an interest names."""

    TOPIC = "topic"  # free text, matched by meaning
    PHRASE = "phrase"  # exact words
    AUTHOR = "author"
    CATEGORY = "category"
    PAPER = "paper"  # a seed paper, by PaperId


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
    """

    kind: Kind
    value: str
    stance: Stance = Stance.LIKED
    since: datetime | None = field(default=None, compare=False)


def values(interests: Iterable[Interest], kind: Kind, stance: Stance = Stance.LIKED) -> tuple[str, ...]:
    return tuple(i.value for i in interests if i.kind is kind and i.stance is stance)
