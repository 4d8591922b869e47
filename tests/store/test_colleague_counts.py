"""Test what counting colleagues costs in a large group."""

from collections.abc import Iterator
from datetime import UTC, datetime

from digestd.store.groups import _Circle

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


class Members(set[int]):
    """A group that must not be copied: this happens for each reader and paper."""

    def __iter__(self) -> Iterator[int]:
        raise AssertionError("copied")

    def __sub__(self, other: object) -> "Members":
        raise AssertionError("copied")


def test_count_does_not_copy_the_members() -> None:
    circle = _Circle((1,), Members({1, 2, 3, 4, 5, 6, 7}), dict.fromkeys((1, 2, 3, 4), 0))
    assert circle.count(1, {2, 3, 4}, NOW) == 3
    assert circle.count(1, {1, 2, 3}, NOW) == 0
    assert circle.count(99, {2, 3, 4}, NOW) == 3
    assert circle.count(1, set(), NOW) == 0
