"""Test z-scores against their definition on any values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from digestd.ranking.fusion import Z_MAX, deviations, population, zscores

VALUES = arrays(np.float32, (3, 7), elements=st.floats(-100, 100, width=32))
SOME = arrays(np.bool_, (3, 7))


@given(VALUES, SOME)
def test_zscores_match_definition(raw: np.ndarray, counts: np.ndarray) -> None:
    for row, some, found in zip(raw.astype(np.float64), counts, zscores(raw, counts), strict=True):
        spread = row[some].std() if some.any() else 0
        if spread > 1e-2:  # what single precision tells apart
            expected = np.clip((row - row[some].mean()) / spread, -Z_MAX, Z_MAX)
            assert found == pytest.approx(expected, abs=2e-2 / spread)


@given(VALUES, st.sampled_from([np.nan, np.inf, -np.inf]), st.integers(0, 6))
def test_row_of_nan_is_separate(raw: np.ndarray, odd: float, place: int) -> None:
    raw[1, place] = odd
    assert np.isnan(deviations(raw, population(None, raw.shape))[1]).tolist() == [False, True, False]


def test_huge_values_are_valid() -> None:
    raw = np.array([[1e30, -1e30, 3e38], [3e38, 3e38, 3e38]], dtype=np.float32)
    assert np.isfinite(zscores(raw)).all()
