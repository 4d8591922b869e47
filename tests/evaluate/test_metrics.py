"""Measures: known values, and no favour to anybody."""

import numpy as np
import pytest

from digestd.evaluate.metrics import Estimate, interval, measures, per_user, ranked, summary

MANY = [f"made:{j}" for j in range(1_000)]


def test_a_perfect_ranking_measures_one() -> None:
    assert measures(["a", "b", "c"], {"a": 1, "b": 1}) == {"ndcg@10": 1, "recall@20": 1, "mrr": 1}


def test_the_gain_is_linear() -> None:
    found = measures(["a", "b"], {"a": 1, "b": 3})["ndcg@10"]
    assert found == pytest.approx((1 + 3 / np.log2(3)) / (3 + 1 / np.log2(3)))


def test_only_the_head_of_the_ranking_counts() -> None:
    assert measures(MANY, {"made:10": 1})["ndcg@10"] == 0
    assert measures(MANY, {"made:19": 1, "made:20": 1})["recall@20"] == 0.5
    assert measures(MANY, {"made:499": 1, "made:600": 1})["mrr"] == 1 / 500


def test_what_is_not_ranked_is_missed() -> None:
    assert measures(["a"], {"a": 1, "gone": 1})["recall@20"] == 0.5
    assert measures(["a"], {"gone": 1}) == {"ndcg@10": 0, "recall@20": 0, "mrr": 0}


def test_equals_come_in_an_order_that_favours_nobody() -> None:
    order = ranked(dict.fromkeys(MANY, 0.0))
    assert sorted(order) == sorted(MANY)
    assert order != MANY
    places = [order.index(name) for name in MANY[:100]]
    assert 350 < np.mean(places) < 650


def test_nan_comes_last() -> None:
    assert ranked({"nan": float("nan"), "low": -9.0, "high": 1.0}) == ["high", "low", "nan"]


def test_a_busy_user_counts_no_more_than_another() -> None:
    good, bad = measures(["a"], {"a": 1}), measures(["a"], {"b": 1})
    rows = [("busy", good), ("busy", good), ("busy", good), ("calm", bad)]
    assert per_user(rows)["busy"]["mrr"] == 1
    assert summary(rows)["mrr"].value == 0.5


def test_the_interval_is_that_of_the_mean_over_users() -> None:
    found = interval(np.random.default_rng(1).normal(0.3, 0.2, 400))
    assert found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.2 / 20, rel=0.15)
    assert interval(np.array([0.5] * 3)) == Estimate(0.5, 0.5, 0.5)


def test_nobody_measures_nothing() -> None:
    assert summary([])["ndcg@10"] == Estimate(0, 0, 0)
