"""Groups: subscribers who share interests, and count each other's likes if they agree."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from digestd.domain.interest import Interest

LEAST_COLLEAGUES = 2
"""The number of colleagues without a name from which a digest counts them."""
LEAST_LENDERS = 2
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
    """The colleagues who liked or saved a paper: how many, and the names of those who agreed to be named."""

    total: int = 0
    names: tuple[str, ...] = ()


def count_colleagues(names: Iterable[str], unnamed: int, others: int) -> Colleagues:
    """Return what a digest may say of colleagues who liked or saved a paper.

    Colleagues without a name are counted from two on, and one less than all of them is the most that is said. So no
    count tells what any one of them did.

    Args:
        names: The names of those who liked it and agreed to be named.
        unnamed: How many others liked it.
        others: How many members besides the reader have not agreed to be named, whether or not they share.
    """
    known = tuple(sorted(names))
    counted = min(unnamed, others - 1)
    return Colleagues(len(known) + (counted if counted >= LEAST_COLLEAGUES else 0), known[:NAMES_MAX])
