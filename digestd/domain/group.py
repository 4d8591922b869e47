"""Groups: subscribers who share interests, and count each other's likes if they agree."""

from dataclasses import dataclass
from datetime import datetime

from digestd.domain.interest import Interest

LEAST_COLLEAGUES = 3
"""The number of colleagues that must have liked a paper before a digest says so, or the paper reaches others."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group: a name and the interests that every member's digest covers."""

    key: int
    name: str
    interests: tuple[Interest, ...] = ()


@dataclass(frozen=True, slots=True)
class Membership:
    """One subscriber's membership in a group.

    Attributes:
        is_list: The subscriber is the group's mailing list, which shares nothing and is told of nobody's likes.
        shared_since: When the member agreed to share their likes; None if they do not share.
    """

    group: Group
    subscriber: int
    joined: datetime
    is_list: bool = False
    shared_since: datetime | None = None

    @property
    def is_named(self) -> bool:
        """Return False: nobody is named any more. Operators' templates of 0.1.0 ask for it."""
        return False


def count_colleagues(liked: int, others: int) -> int:
    """Return how many colleagues at least a digest may say liked or saved a paper: 3, or 0 if it may say nothing.

    It says so only if at least twice as many could be meant, so that it never tells what one of them did.

    Args:
        liked: How many of those who share liked it.
        others: How many members there are besides the reader, whether or not they share.
    """
    return LEAST_COLLEAGUES if liked >= LEAST_COLLEAGUES and others >= 2 * LEAST_COLLEAGUES else 0
