"""Sums and maxima over groups of rows agree with plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.ranking.arrays import grouped


@pytest.mark.parametrize("sizes", [[], [0], [3, 0, 1, 2], [1] * 9, [40, 7, 7, 7, 7, 7, 0, 2], [5] * 6])
@pytest.mark.parametrize("count", [1, 3])
def test_mean_of_best_agrees_with_a_sort(sizes: list[int], count: int) -> None:
    groups = grouped(sizes)
    rows = np.random.default_rng(1).standard_normal((sum(sizes), 4)).astype(np.float32)
    expected = [
        np.sort(rows[start : start + size], axis=0)[-count:].mean(axis=0) if size else np.zeros(4)
        for start, size in zip(groups.starts, sizes, strict=True)
    ]
    assert groups.mean_of_best(rows, count) == pytest.approx(np.array(expected).reshape(len(sizes), 4), abs=1e-6)


@given(st.lists(st.integers(0, 7), max_size=12))
def test_groups_best_is_largest(counts: list[int]) -> None:
    rows = np.random.default_rng(len(counts)).standard_normal((sum(counts), 5)).astype(np.float32)
    groups = np.split(rows, np.cumsum(counts)[:-1]) if counts else []
    wanted = [group.max(axis=0) if len(group) else np.zeros(5) for group in groups]
    assert np.array_equal(grouped(counts).best(rows), np.array(wanted, dtype=np.float32).reshape(len(counts), 5))
