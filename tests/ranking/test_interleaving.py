"""Test team-draft interleaving of two rankings."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.digests.picks import team_draft
from digestd.domain.trial import Team

ORDERS = st.lists(st.integers(0, 30), unique=True, max_size=20)
A, B = Team.A, Team.B


def test_draft_alternates_after_coin_toss() -> None:
    assert team_draft([1, 2, 3, 4], [3, 2, 5, 6], 4, b"\x00") == [(1, A), (3, B), (2, A), (5, B)]
    assert team_draft([1, 2, 3, 4], [3, 2, 5, 6], 4, b"\x03") == [(3, B), (1, A), (2, B), (4, A)]


def test_draft_tosses_coin_each_round() -> None:
    drafted = team_draft(range(8), range(100, 108), 8, b"\x05")
    assert [team for _, team in drafted] == [B, A, A, B, B, A, A, B]


def test_draft_rest_has_no_team() -> None:
    assert team_draft([1], [2, 3, 4, 5], 10, b"\x00") == [(1, A), (2, B), (3, None), (4, None)]
    assert team_draft([], [2, 3], 10, b"\x00") == [(2, None), (3, None)]
    assert team_draft([], [], 10, b"\x00") == []


@given(ORDERS, ORDERS, st.integers(0, 25), st.binary(min_size=1, max_size=3))
def test_draft_has_no_duplicates(ours: list[int], theirs: list[int], size: int, coins: bytes) -> None:
    drafted = team_draft(ours, theirs, size, coins)
    papers = [paper for paper, _ in drafted]
    assert len(papers) == len(set(papers)) == min(size, max(len(ours), len(theirs)))
    assert set(papers) <= {*ours, *theirs}
    teams = Counter(team for _, team in drafted)
    assert abs(teams[A] - teams[B]) <= 1


@given(ORDERS.filter(bool), st.integers(1, 25), st.binary(min_size=1, max_size=3))
def test_draft_of_equal_rankings_is_that_ranking(order: list[int], size: int, coins: bytes) -> None:
    assert [paper for paper, _ in team_draft(order, order, size, coins)] == order[:size]


def test_draft_favours_no_team() -> None:
    first = Counter(team_draft([1, 2], [3, 4], 2, bytes([n]))[0][1] for n in range(256))
    assert first[A] == pytest.approx(first[B])
