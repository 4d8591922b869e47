"""Tastes drift: the newest likes weigh most, and nothing changes where all are of one age."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from digestd.domain.interest import Interest, Kind
from digestd.ranking.drift import FLOOR, HALF_LIFE, recency
from digestd.ranking.fusion import score
from digestd.ranking.kernel_ridge import MASS, penalties
from digestd.ranking.negative_prior import RIDGE
from digestd.ranking.profile import Profile, block
from digestd.ranking.signals import SIGNALS
from digestd.ranking.signals.base import to_dense
from tests.ranking.library import NOON, candidates, likes, mutes, profile

BEES, QUBITS, GLACIER = "made:4", "made:8", "made:1"


def aged(interest: Interest, half_lives: float) -> Interest:
    return replace(interest, since=NOON - HALF_LIFE * half_lives)


def who(*half_lives: float) -> Profile:
    liked = likes((Kind.PAPER, BEES), (Kind.PAPER, QUBITS)) + mutes((Kind.PAPER, GLACIER))
    return profile(candidates(), *map(aged, liked, half_lives))


def test_a_like_half_a_life_older_weighs_half_down_to_the_floor() -> None:
    said = [NOON - HALF_LIFE, NOON, None, NOON - 99 * HALF_LIFE]
    assert recency(said).tolist() == pytest.approx([0.5, 1, 1, FLOOR])
    assert recency([]).tolist() == []


def test_recency_is_counted_from_the_newest_and_not_from_today() -> None:
    old = timedelta(days=5000)
    assert np.array_equal(recency([NOON - old, NOON - old]), recency([NOON, NOON]))


@pytest.mark.parametrize("name", ["likes", "latent_likes"])
def test_an_old_like_weighs_less_than_a_new_one(name: str) -> None:
    day = candidates()
    signal = next(s.module for s in SIGNALS if s.name == name)
    of_bees, of_qubits = 4, 8
    both = block([who(0, 1, 0), who(1, 0, 0)], day)
    bees_newer, qubits_newer = to_dense(signal.score(day, both), day, both)
    assert bees_newer[of_bees] > qubits_newer[of_bees]
    assert bees_newer[of_qubits] < qubits_newer[of_qubits]


def test_likes_of_one_age_count_as_if_no_age_were_known() -> None:
    day = candidates()
    unknown = likes((Kind.PAPER, BEES), (Kind.PAPER, QUBITS)) + mutes((Kind.PAPER, GLACIER))
    assert np.array_equal(score(day, [who(3, 3, 3)]).total, score(day, [profile(day, *unknown)]).total)


def test_drift_moves_mass_among_the_likes_and_makes_none() -> None:
    given = penalties(recency([NOON, NOON - HALF_LIFE, NOON - 2 * HALF_LIFE]), recency([]))
    assert (RIDGE / given).sum() == pytest.approx(MASS)
