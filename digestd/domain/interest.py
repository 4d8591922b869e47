"""Interests: one thing a subscriber wants more or less of."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What an interest names."""

    TOPIC = "topic"  # free text, matched by meaning
    PHRASE = "phrase"  # exact words
    AUTHOR = "author"
    CATEGORY = "category"
    PAPER = "paper"  # a seed paper, by PaperId


class Stance(StrEnum):
    """More of it, or none of it."""

    LIKED = "liked"
    MUTED = "muted"


@dataclass(frozen=True, slots=True)
class Interest:
    """`value` is the words as the subscriber typed them (a PaperId for a seed paper); `since` when they said so."""

    kind: Kind
    value: str
    stance: Stance = Stance.LIKED
    since: datetime | None = field(default=None, compare=False)


def values(interests: Iterable[Interest], kind: Kind, wish: Stance = Stance.LIKED) -> tuple[str, ...]:
    """The values of one kind and wish, in the order given."""
    return tuple(i.value for i in interests if i.kind is kind and i.stance is wish)
