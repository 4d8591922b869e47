"""Groups: subscribers who share interests, and count each other's likes if they agree."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from digestd.domain.interest import Interest

LEAST_COLLEAGUES = 3
"""The number of colleagues from which a paper reaches others because they liked it."""
COUNTS = (100, 30, 10, LEAST_COLLEAGUES)
"""The numbers of colleagues that a digest may tell: at least so many."""
LEAST_LENDERS = 3
"""The number of sharing members from which their interests shape the digest of the group's list address."""
NAMES_MAX = 3
"""The most names in one line."""


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
        is_list: The subscriber is the group's mailing list, which lends nothing and is told of nobody's likes.
        shared_since: When the member agreed to share their likes and interests; None if they do not share.
        is_named: Whether colleagues may see the member's name.
    """

    group: Group
    subscriber: int
    joined: datetime
    is_list: bool = False
    shared_since: datetime | None = None
    is_named: bool = False


class Colleagues(NamedTuple):
    """The colleagues who liked or saved a paper: how many at least, and the names of those who agreed to be named."""

    total: int = 0
    names: tuple[str, ...] = ()


def count_colleagues(names: Iterable[str], unnamed: int, others: int) -> Colleagues:
    """Return what a digest may say of colleagues who liked or saved a paper.

    Of colleagues without a name a digest says that they are at least 3, 10, 30 or 100, and only if at least twice as
    many could be meant: 3 in groups with six others on. So neither the count nor its change tells what one of them did.

    Args:
        names: The names of those who liked it and agreed to be named.
        unnamed: How many others liked it.
        others: How many members besides the reader have not agreed to be named, whether or not they share.
    """
    known = tuple(sorted(names))
    counted = next((count for count in COUNTS if unnamed >= count and others >= 2 * count), 0)
    return Colleagues(len(known) + counted, known[:NAMES_MAX])
