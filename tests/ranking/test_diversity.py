"""Test that every interest gets its share of the slots."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.ranking.diversity import CROWD, rebalance
from tests.ranking.library import candidates, papers, varied

ORDER = np.arange(20)


def meets(*rows: str) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Return one row per interest; papers that match it, best first, are marked x."""
    return np.array([[mark == "x" for mark in row.ljust(20, ".")] for row in rows], dtype=np.bool_)


def test_rebalance_limits_hot_topic() -> None:
    met = meets("xxxxxxxxxxxx........", "............x.......", ".............x......", "..............x.....")
    assert rebalance(range(10), ORDER, met) == [0, 1, 2, 3, 4, 5, 6, 14, 13, 12]


def test_rebalance_counts_paper_for_all_its_interests() -> None:
    met = meets("xxxxxxxxxxxxx.......", "..x..........x......", "....x.....x.........")
    assert rebalance(range(10), ORDER, met) == list(range(10))


def test_rebalance_keeps_only_paper_of_interest() -> None:
    met = meets("xxxxxxxxx...........", ".........x..........", "..........x.........")
    assert rebalance(range(10), ORDER, met) == [*range(8), 10, 9]


def test_rebalance_accepts_more_interests_than_slots() -> None:
    assert rebalance([0, 1], ORDER, meets("x", ".x", "..x", "...x")) == [0, 1]


def test_rebalance_keeps_followed_author() -> None:
    met = meets("xxx", "...x")
    assert rebalance([2, 1, 0], ORDER, met, keep=3) == [2, 1, 0]
    assert rebalance([2, 1, 0], ORDER, met, keep=2) == [2, 1, 3]


@pytest.mark.parametrize("met", [meets(), meets("." * 20), meets("x" * 20), meets("." * 20, "x" * 20)])
def test_rebalance_needs_two_interests(met: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> None:
    assert rebalance([4, 2, 0], ORDER, met.reshape(-1, 20)) == [4, 2, 0]


@given(st.lists(st.lists(st.booleans(), min_size=20, max_size=20), max_size=6), st.integers(1, 15))
def test_rebalance_keeps_size_and_interests(rows: list[list[bool]], size: int) -> None:
    met = np.array(rows, dtype=np.bool_).reshape(-1, 20)
    chosen = rebalance(range(size), ORDER, met)
    assert len(chosen) == len(set(chosen)) == size
    before, after = met[:, :size].any(axis=1), met[:, chosen].any(axis=1)
    assert (after >= before).all()


def test_diversify_limits_copies() -> None:
    day = candidates([*papers(), *(papers()[0] for _ in range(6))])
    copies = [0, *range(16, 22)]
    totals = np.full(22, 0.5, dtype=np.float32)
    totals[copies] = 1
    order = np.argsort(-totals, kind="stable")
    assert len(set(varied(order, day, totals, 10)) & set(copies)) == CROWD
    assert set(varied(np.array(copies), day, totals, 6)) < set(copies)
