"""Test the expected calibration error against a computation by hand."""

import numpy as np
import pytest

from digestd.evaluation.calibration_error import BINS, calibration_error


def test_calibration_error_is_mean_gap_of_bins() -> None:
    chance = np.random.default_rng(6)
    chances = [chance.random(15) for _ in range(60)]
    given = [(str(n), p, (chance.random(15) < p**2).astype(np.float64)) for n, p in enumerate(chances)]
    found = calibration_error(given)
    promised, came = (np.concatenate([row[part] for row in given]) for part in (1, 2))
    bins = np.array_split(np.argsort(promised, kind="stable"), BINS)
    gaps = [abs(promised[part].mean() - came[part].mean()) for part in bins]
    assert found.value == pytest.approx(np.average(gaps, weights=[part.size for part in bins]))
    assert found.low < found.value < found.high


def test_calibration_error_is_zero_without_predictions() -> None:
    assert calibration_error([]).high == 0
