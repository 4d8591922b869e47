"""Test that probabilities rise with score and relevance.

They adapt to an installation.
"""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.domain.subscriber import MinScore
from digestd.ranking.calibration import (
    MIN_SCORES,
    NEAR_SCORES,
    LocalCalibration,
    fit_local,
    log_odds_of,
    logit,
)


@given(st.floats(0, 1, width=32), st.floats(0, 1, width=32))
def test_log_odds_rise_with_chance(one: float, other: float) -> None:
    less, more = log_odds_of(np.sort(np.array([one, other], dtype=np.float32))).tolist()
    assert -10 < less <= more < 10


def test_near_scores_lie_below_minimum() -> None:
    assert MIN_SCORES.keys() == NEAR_SCORES.keys() == set(MinScore)
    assert all(NEAR_SCORES[setting] < MIN_SCORES[setting] for setting in MinScore)


@pytest.mark.parametrize("likely", [0.02, 0.3])
def test_local_calibration_learns_like_rate(likely: float) -> None:
    rng = Random(1)
    log_odds = np.array([logit(rng.uniform(0.05, 0.4)) for _ in range(2_000)])
    shift = logit(likely) - float(log_odds.mean())
    came = np.array([float(rng.random() < LocalCalibration().probability(o + shift)) for o in log_odds])
    own = fit_local(log_odds, came, np.ones_like(log_odds))
    promised = np.array([own.probability(o) for o in log_odds])
    assert promised.mean() == pytest.approx(came.mean(), abs=0.01)
    assert own.probability(own.log_odds_for(0.2)) == pytest.approx(0.2, abs=1e-3)


def test_local_calibration_needs_verdicts() -> None:
    no_values = np.zeros(0)
    assert fit_local(no_values, no_values, no_values) == LocalCalibration()
    one = np.ones(1)
    assert fit_local(-one, one, one).probability(-1) < 0.65


@given(st.lists(st.tuples(st.floats(-9, 9), st.booleans()), max_size=60))
def test_local_calibration_is_monotonic(said: list[tuple[float, bool]]) -> None:
    log_odds = np.array([value for value, _ in said])
    own = fit_local(log_odds, np.array([float(was) for _, was in said]), np.ones_like(log_odds))
    assert own.slope > 0
    assert own.probability(-2) <= own.probability(2)
