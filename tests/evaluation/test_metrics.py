"""Test the measures on known values, and their fairness on ties and users."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from digestd.evaluation.metrics import Estimate, mean_estimate, per_user, rank_ids, ranking_metrics, summary

MANY = [f"made:{j}" for j in range(1_000)]


def test_perfect_ranking_scores_one() -> None:
    assert ranking_metrics(["a", "b", "c"], {"a": 1, "b": 1}) == {"ndcg@10": 1, "recall@20": 1, "mrr": 1}


def test_ndcg_gain_is_linear() -> None:
    found = ranking_metrics(["a", "b"], {"a": 1, "b": 3})["ndcg@10"]
    assert found == pytest.approx((1 + 3 / np.log2(3)) / (3 + 1 / np.log2(3)))


def test_measures_stop_at_cutoff() -> None:
    assert ranking_metrics(MANY, {"made:10": 1})["ndcg@10"] == 0
    assert ranking_metrics(MANY, {"made:19": 1, "made:20": 1})["recall@20"] == 0.5
    assert ranking_metrics(MANY, {"made:499": 1, "made:600": 1})["mrr"] == 1 / 500


def test_unranked_papers_count_as_missed() -> None:
    assert ranking_metrics(["a"], {"a": 1, "gone": 1})["recall@20"] == 0.5
    assert ranking_metrics(["a"], {"gone": 1}) == {"ndcg@10": 0, "recall@20": 0, "mrr": 0}


def test_ties_are_shuffled() -> None:
    order = rank_ids(dict.fromkeys(MANY, 0.0))
    assert sorted(order) == sorted(MANY)
    places = [order.index(name) for name in MANY[:100]]
    assert 350 < np.mean(places) < 650


def test_ties_depend_on_seed_only() -> None:
    scores = dict.fromkeys(MANY, 0.0)
    backwards = dict.fromkeys(reversed(MANY), 0.0)
    assert rank_ids(scores, 7) == rank_ids(backwards, 7)
    assert rank_ids(scores, 7) != rank_ids(scores, 8)
    assert rank_ids({"b": 1.0, "a": 2.0}, 7) == rank_ids({"b": 1.0, "a": 2.0}, 8) == ["a", "b"]


def test_constant_scores_measure_chance() -> None:
    names = MANY[:50]
    scores = dict.fromkeys(names, 0.5)
    found = [ranking_metrics(rank_ids(scores, (seed, 0)), {names[0]: 1})["ndcg@10"] for seed in range(2_000)]
    by_chance = sum(1 / np.log2(rank + 1) for rank in range(1, 11)) / len(names)
    assert np.mean(found) == pytest.approx(by_chance, abs=4 * np.std(found) / np.sqrt(len(found)))


def test_nan_is_not_ranked() -> None:
    assert rank_ids({"nan": float("nan"), "low": -9.0, "high": 1.0}) == ["high", "low"]


@given(st.lists(st.sampled_from([0.0, 1.0, float("nan"), float("-inf")]), max_size=15), st.integers(0, 99))
def test_relevant_nan_scores_zero(others: list[float], seed: int) -> None:
    scores = {f"made:{j}": score for j, score in enumerate(others)} | {"right": float("nan")}
    assert set(ranking_metrics(rank_ids(scores, seed), {"right": 1}).values()) == {0.0}


def test_users_have_equal_weight() -> None:
    good, bad = ranking_metrics(["a"], {"a": 1}), ranking_metrics(["a"], {"b": 1})
    rows = [("busy", good), ("busy", good), ("busy", good), ("calm", bad)]
    assert per_user(rows)["busy"]["mrr"] == 1
    assert summary(rows)["mrr"].value == 0.5


def test_interval_is_of_mean_over_users() -> None:
    found = mean_estimate(np.random.default_rng(1).normal(0.3, 0.2, 400))
    assert found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.2 / 20, rel=0.15)
    assert mean_estimate(np.array([0.5] * 3)) == Estimate(0.5, 0.5, 0.5)


def test_interval_equals_scipy_bootstrap() -> None:
    values = np.random.default_rng(2).beta(1, 3, 150)
    theirs = bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    found = mean_estimate(values)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.002)


def test_interval_has_nominal_coverage() -> None:
    chance = np.random.default_rng(4)
    found = [mean_estimate(chance.exponential(0.2, 40)) for _ in range(100)]
    assert 0.88 <= np.mean([one.low <= 0.2 <= one.high for one in found]) <= 0.99


def test_no_users_measure_zero() -> None:
    assert summary([])["ndcg@10"] == Estimate(0, 0, 0)
