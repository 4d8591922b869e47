"""Test papers with equal scores: their order is random but repeatable."""

from collections import Counter

import numpy as np
import pytest

from digestd.digests.selection import DigestOptions, RankedCandidates, Selections, sampling_seed, select
from digestd.domain.interest import Interest, Kind
from digestd.ranking.arrays import Floats
from digestd.ranking.calibration import LocalCalibration
from digestd.ranking.candidates import CandidateSet
from tests.ranking.library import alone, candidates, papers

SUBSCRIBERS = 800


@pytest.fixture(scope="module")
def day() -> CandidateSet:
    return candidates(papers())


def ranked(day: CandidateSet, total: Floats) -> RankedCandidates:
    """Return a ranking in which every paper is fully relevant."""
    everything = np.ones((1, len(day)), dtype=np.bool_)
    high = np.ones((1, len(day)), dtype=np.float32)
    profiles = alone(day, Interest(Kind.TOPIC, "honeybee foragers"))
    return RankedCandidates(profiles, total[None, :], high, everything, everything, 9 * high)


def chosen(day: CandidateSet, view: RankedCandidates, options: DigestOptions) -> Selections:
    return select(day, view, [options], LocalCalibration())


def test_select_orders_ties_uniformly(day: CandidateSet) -> None:
    view = ranked(day, np.zeros(len(day), dtype=np.float32))
    first = Counter(
        chosen(day, view, DigestOptions(1, seed=sampling_seed(subscriber, "2026-11-24"))).chosen_by(0)[0]
        for subscriber in range(SUBSCRIBERS)
    )
    expected = SUBSCRIBERS / len(day)
    assert len(first) == len(day)
    assert sum((first[j] - expected) ** 2 / expected for j in range(len(day))) < 2.5 * len(day)


def test_select_is_repeatable_and_varies_by_seed(day: CandidateSet) -> None:
    view = ranked(day, np.zeros(len(day), dtype=np.float32))
    periods = ("2026-11-24", "2026-11-24", "2026-11-25")
    today, again, tomorrow = (
        chosen(day, view, DigestOptions(6, seed=sampling_seed(7, period))).chosen_by(0) for period in periods
    )
    assert today == again != tomorrow


def test_select_never_ranks_a_worse_paper_first(day: CandidateSet) -> None:
    total = np.repeat(np.arange(len(day) // 2, dtype=np.float32), 2)
    order = chosen(day, ranked(day, total), DigestOptions(5, seed=sampling_seed(3, "2026-11-24"))).ranking(0)
    assert (np.diff(total[order]) <= 0).all()


def test_select_never_picks_nan_scores(day: CandidateSet) -> None:
    total = np.zeros(len(day), dtype=np.float32)
    total[3] = np.nan
    view = ranked(day, total)
    for subscriber in range(50):
        choice = chosen(day, view, DigestOptions(len(day), seed=sampling_seed(subscriber, "2026-11-24")))
        assert 3 not in choice.chosen_by(0)
        assert 3 not in choice.ranking(0)
