"""Test the candidate set: trends by age, diversity, and the negative prior."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from digestd.domain.interest import Kind
from digestd.domain.paper import Paper
from digestd.ranking.fusion import score
from tests.ranking.library import candidates, likes, papers, profile, retitled, varied


def test_trend_rises_with_votes() -> None:
    assert (np.diff(candidates().trend) > 0).all()


def test_trend_adjusts_for_age() -> None:
    def aged(j: int, days: int, votes: float) -> Paper:
        paper = papers()[j]
        return replace(paper, first_seen=paper.first_seen - timedelta(days=days), signals={"upvotes": votes})

    old = [aged(j, 5, 80 + j) for j in range(8)]
    new = [aged(j, 0, 4) for j in range(8, 15)] + [aged(15, 0, 20)]
    assert candidates(old + new).trend.argmax() == 15


@pytest.mark.parametrize("votes", [float("nan"), float("inf"), -5.0])
def test_missing_votes_count_as_zero(votes: float) -> None:
    assert candidates([replace(papers()[0], signals={"upvotes": votes})]).weighted_votes.tolist() == [0]


def test_category_includes_subcategories() -> None:
    inverted_index = candidates().inverted_index
    assert inverted_index.category("bio").tolist() == inverted_index.category("BIO.pe").tolist() == [4, 5, 6, 7]
    assert inverted_index.category("bio.*").tolist() == [4, 5, 6, 7]
    assert inverted_index.category("bi").tolist() == []


def test_negative_prior_leaves_own_paper_out() -> None:
    twin = retitled("Smoke and sleepy swarms", "Beekeepers calm honeybee swarms with smoke.")
    day = candidates([*papers(), twin])
    value = score(day, [profile(day, *likes((Kind.PAPER, "made:4"), (Kind.PAPER, "made:5")))]).total[0]
    assert set(np.argsort(-value)[:2].tolist()) == {4, 5}


def test_diversify_skips_near_copies() -> None:
    day = candidates([*papers(), papers()[0]])
    totals = np.full(17, -1, dtype=np.float32)
    totals[[0, 16, 9]] = [2.0, 1.99, 1.9]
    order = np.argsort(-totals, kind="stable")
    assert order[:2].tolist() == [0, 16]
    assert varied(order, day, totals, 2) == [0, 9]


@pytest.mark.parametrize(("order", "size"), [([], 5), ([3], 5), ([3], 0)])
def test_diversify_accepts_few_papers(order: list[int], size: int) -> None:
    assert varied(np.array(order, dtype=np.intp), candidates(), np.zeros(16, dtype=np.float32), size) == order[:size]
