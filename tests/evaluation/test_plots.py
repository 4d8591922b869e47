"""Test the plots: valid images whose text states what they show."""

import importlib.util
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from digestd import cli
from digestd.errors import BadInput
from digestd.evaluation.calibrate import Reliability
from digestd.evaluation.compare import Difference
from digestd.evaluation.plots import draw_calibration, draw_difference, draw_scores
from digestd.evaluation.scoring import Case
from digestd.ranking.signals import SIGNALS

pytestmark = pytest.mark.slow


def case(n: int) -> Case:
    """Return twenty candidates, the relevant one last and scored highest."""
    values = np.random.default_rng(n).normal(size=(len(SIGNALS), 20)).astype(np.float32)
    values[:, -1] += 3
    names = tuple(f"made:{j}" for j in range(20))
    return Case(n, str(n), {names[-1]: 1.0}, names, values, 1, np.ones(20, dtype=np.bool_), np.zeros(20, np.float32))


def words(files: Sequence[Path]) -> str:
    """Return the text of a plot's SVG; check that its PNG is not blank."""
    png, svg = files
    pixels = imread(png)
    assert min(pixels.shape[:2]) > 600
    assert pixels[0, 0, :3].tolist() == [1, 1, 1]
    assert pixels[..., :3].min() < 0.2
    tree = ElementTree.parse(svg)
    return " ".join("".join(text.itertext()) for text in tree.iter("{http://www.w3.org/2000/svg}text"))


def test_score_plot_counts_relevant_and_others(tmp_path: Path) -> None:
    said = words(draw_scores(tmp_path, map(case, range(30))))
    assert "30 relevant and 570 other candidates of 30 rankings" in said
    assert "score, in standard deviations from the mean of the candidates" in said
    assert "papers of each kind, %" in said


def test_calibration_plot_states_error(tmp_path: Path) -> None:
    chances, came = np.array([0.1, 0.3, 0.6]), np.array([0.1, 0.2, 0.7])
    said = words(draw_calibration(tmp_path, Reliability(chances, came, np.array([40, 40, 20]))))
    assert "100 papers; expected calibration error 6.00 points" in said
    assert "papers that were liked, %" in said
    assert "observed, with 95 % interval" in said


@pytest.mark.parametrize("users", [1, 12, 400])
def test_difference_plot_counts_users(tmp_path: Path, users: int) -> None:
    values = np.linspace(0.3, -0.1, users)
    said = words(draw_difference(tmp_path, values, Difference(0.1, 0.02, 0.18, 9, 2, 1), "trend"))
    assert "Paired difference to trend" in said
    assert f"{users} users: better for 9, worse for 2, equal for 1" in said
    assert "mean +0.1000, 95 % [+0.0200, +0.1800]" in said


def test_plots_without_data_are_not_drawn(tmp_path: Path) -> None:
    empty = np.zeros(0)
    assert draw_scores(tmp_path, []) == []
    assert draw_calibration(tmp_path, Reliability(empty, empty, empty.astype(np.intp))) == []
    assert draw_difference(tmp_path, empty, Difference(0, 0, 0, 0, 0, 0), "trend") == []
    assert list(tmp_path.iterdir()) == []


def test_plots_are_deterministic(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    first, again = (draw_scores(folder, map(case, range(5))) for folder in (tmp_path, tmp_path / "again"))
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in again]


def test_command_draws_plots(judged: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.app, ["evaluate", *judged, "--against", "trend", "--plots", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    names = sorted(file.name for file in (tmp_path / "new").iterdir())
    assert names == [f"{name}.{kind}" for name in ("calibration", "difference", "scores") for kind in ("png", "svg")]
    assert f"wrote {tmp_path / 'new' / 'scores.svg'}" in done.stderr


def test_missing_matplotlib_names_extra(judged: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def lacking(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "matplotlib" else real(name, package)

    monkeypatch.setattr("digestd.cli.evaluate.find_spec", lacking)
    done = CliRunner().invoke(cli.app, ["evaluate", *judged, "--plots", str(tmp_path)])
    assert isinstance(done.exception, BadInput)
    assert str(done.exception) == "--plots needs matplotlib; install it with pip install 'digestd[plots]'"


def test_invalid_plot_folder_is_reported(judged: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(cli.app, ["evaluate", *judged, "--plots", str(tmp_path / "file")])
    assert isinstance(done.exception, BadInput)
    assert "cannot create the folder" in str(done.exception)
