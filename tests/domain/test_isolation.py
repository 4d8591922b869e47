"""Test that bad items are found by halving."""

from collections.abc import Sequence

import pytest

from digestd.errors import DatabaseUnreachable
from digestd.store.bulk import by_halves


@pytest.mark.parametrize("bad", [(), (0,), (3, 4), (9,), tuple(range(10))])
def test_by_halves_refuses_only_bad_items(bad: tuple[int, ...]) -> None:
    refused: list[tuple[int, str]] = []

    def work(items: Sequence[int]) -> list[int]:
        if set(items) & set(bad):
            raise OverflowError("odd")
        return list(items)

    done = list(by_halves(range(10), work, lambda item, error: refused.append((item, str(error)))))
    assert [item for part in done for item in part] == [item for item in range(10) if item not in bad]
    assert refused == [(item, "odd") for item in bad]


@pytest.mark.parametrize("error", [DatabaseUnreachable("gone"), MemoryError()])
def test_by_halves_passes_on_what_is_no_items_fault(error: Exception) -> None:
    def work(_items: Sequence[int]) -> None:
        raise error

    with pytest.raises(type(error)):
        list(by_halves([1, 2], work, lambda *_: None))
