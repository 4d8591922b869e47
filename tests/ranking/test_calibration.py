"""Test that probabilities rise with score and relevance.

They adapt to an installation.
"""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestd.domain.subscriber import MinScore
from digestd.ranking.arrays import Floats
from digestd.ranking.calibration import (
    CALIBRATION,
    MIN_SCORES,
    Calibration,
    LocalCalibration,
    dumps,
    fit_local,
    like_log_odds,
    logit,
    mean_relevance,
    parse,
)

SCORES = st.floats(-50, 50, width=32)
SHARES = st.floats(0, 1, width=32)


def chance(score: float, relevance: float, likes: float = 0, mean: float = 0.2) -> float:
    found = CALIBRATION.log_odds(_rows(score), _rows(relevance), _row(mean), _row(likes))
    return LocalCalibration().probability(float(like_log_odds(found, _rows(relevance))[0, 0]))


def _rows(value: float) -> Floats:
    return np.array([[value]], dtype=np.float32)


def _row(value: float) -> Floats:
    return np.array([value], dtype=np.float32)


@settings(max_examples=50)
@given(SCORES, SCORES, SHARES, SHARES, st.integers(0, 500))
def test_probability_is_monotonic(low: float, high: float, less: float, more: float, likes: int) -> None:
    low, high, less, more = *sorted((low, high)), *sorted((less, more))
    assert 0 <= chance(low, less, likes) <= chance(high, more, likes) <= 1


def test_probability_is_higher_on_relevant_day() -> None:
    assert chance(0, 1, mean=1) > chance(0, 1, mean=0.1) > chance(0, 0, mean=0.1)


def test_minimum_scores_separate_relevant_papers() -> None:
    assert (
        chance(0, 1, mean=1)
        > MIN_SCORES[MinScore.HIGH]
        > MIN_SCORES[MinScore.NORMAL]
        > MIN_SCORES[MinScore.LOW]
        > chance(0, 0, mean=0)
    )


def test_mean_relevance_uses_eligible_papers() -> None:
    relevance = np.array([[1, 0, 0.5], [1, 1, 1]], dtype=np.float32)
    assert mean_relevance(relevance, np.array([[1, 0, 1], [0, 0, 0]], dtype=np.bool_)).tolist() == [0.75, 0]


def test_calibration_survives_file() -> None:
    assert parse(dumps(CALIBRATION)) == CALIBRATION
    for broken in ("[]", "{}", dumps(Calibration(1, 2, 3, 4, float("nan"))), '{"intercept": true}'):
        with pytest.raises(ValueError, match=r"expected a JSON object|must be a number"):
            parse(broken)


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
