"""`evaluate --calibrate` learns the chances, and says how true they are to users it did not see."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from digestd.cli import app
from digestd.errors import BadInput
from digestd.evaluate.calibrate import reliability
from digestd.ranking.calibration import parse


def test_the_chances_are_learnt_and_written(judged: list[str], tmp_path: Path) -> None:
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
    assert found.level >= 0


def test_a_file_that_cannot_be_written_is_told(judged: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["evaluate", *judged, "--calibrate", str(tmp_path)])
    assert isinstance(done.exception, BadInput)
    assert "cannot write" in str(done.exception)


def test_chances_that_come_true_have_no_error_and_others_have() -> None:
    promised = np.repeat([0.1, 0.5], 100)
    came = np.concatenate([np.repeat([1.0, 0.0], [10, 90]), np.repeat([1.0, 0.0], [50, 50])])
    assert reliability([(promised, came)], 2).error == pytest.approx(0)
    assert reliability([(promised + 0.2, came)], 2).error == pytest.approx(0.2)
    assert reliability([]).error == 0
