"""Test `evaluate --calibrate`.

Probabilities are learned and tested on held-out users.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from digestd.cli import app
from digestd.errors import BadInput
from digestd.evaluation.calibrate import calibrate, reliability
from digestd.evaluation.scoring import Case
from digestd.ranking.calibration import parse
from digestd.ranking.signals import SIGNALS


def test_calibrate_writes_calibration(judged: list[str], tmp_path: Path) -> None:
    out = tmp_path / "calibration.json"
    done = CliRunner().invoke(app, ["evaluate", *judged, "--calibrate", str(out), "--json"], catch_exceptions=False)
    [row] = json.loads(done.stdout)
    assert set(row) == {"judgments", "before", "unseen"}
    assert 0 <= row["before"] < 1
    assert 0 <= row["unseen"] < 1
    found = parse(out.read_text())
    assert found.topics > 0
    assert found.likes > 0
    assert found.relevance >= 0
    assert found.mean_relevance >= 0


def test_calibrate_reports_unwritable_file(judged: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["evaluate", *judged, "--calibrate", str(tmp_path)])
    assert isinstance(done.exception, BadInput)
    assert "cannot write" in str(done.exception)


def test_reliability_measures_calibration_error() -> None:
    promised = np.repeat([0.1, 0.5], 100)
    came = np.concatenate([np.repeat([1.0, 0.0], [10, 90]), np.repeat([1.0, 0.0], [50, 50])])
    assert reliability([(promised, came)], 2).error == pytest.approx(0)
    assert reliability([(promised + 0.2, came)], 2).error == pytest.approx(0.2)
    assert reliability([]).error == 0


def _case(n: int, breadth: float) -> Case:
    """Return forty candidates with an uninformative dense signal.

    The most liked are relevant.
    """
    chance = np.random.default_rng(n)
    right, size = chance.integers(40, size=4), 40
    values = np.zeros((len(SIGNALS), size), dtype=np.float32)
    row = {signal.name: place for place, signal in enumerate(SIGNALS)}
    values[row["likes"]] = chance.standard_normal(size) + np.isin(np.arange(size), right)
    values[row["dense_likes"]] = breadth * (chance.standard_normal(size) + 4 * np.isin(np.arange(size), right))
    names = tuple(f"made:{j}" for j in range(size))
    relevant = {names[j]: 1.0 for j in right}
    return Case(
        n, f"user{n}", relevant, names, values, 5, np.ones(size, dtype=np.bool_), chance.random(size).astype(np.float32)
    )


def test_calibrate_ignores_dense_signal_of_zero_weight() -> None:
    none, next_to_none, much = (
        calibrate({"all": [_case(n, breadth) for n in range(30)]}).calibration for breadth in (0.0, 1e-4, 1.0)
    )
    assert next_to_none.likes == pytest.approx(none.likes, abs=0.01)
    assert much.likes != pytest.approx(none.likes, abs=0.1)
