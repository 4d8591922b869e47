"""`evaluate --plots`: the pictures, where matplotlib is installed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from digestd.cli.output import say
from digestd.errors import BadInput
from digestd.evaluate import Case, Outcome, difference, differences
from digestd.evaluate.calibrate import Reliability
from digestd.evaluate.metrics import NDCG


@dataclass(frozen=True, slots=True)
class Drawing:
    """Where the pictures go, and what draws them."""

    folder: Path
    plots: ModuleType

    def scores(self, cases: Sequence[Case], chances: Reliability) -> None:
        """The spread of the scores, and the chances against what came of them."""
        _say([*self.plots.draw_scores(self.folder, cases), *self.plots.draw_calibration(self.folder, chances)])

    def rival(self, ours: Sequence[Outcome], theirs: Sequence[Outcome], name: str) -> None:
        """The paired differences, user by user."""
        values, measured = differences(ours, theirs)[NDCG], difference(ours, theirs)[NDCG]
        _say(self.plots.draw_difference(self.folder, values, measured, Path(name).name))


def open_drawing(folder: Path | None) -> Drawing | None:
    """None where nothing is to be drawn. Makes the folder, before anything long is computed."""
    if folder is None:
        return None
    if find_spec("matplotlib") is None:
        raise BadInput("--plots needs matplotlib; install it with pip install 'digestd[plots]'")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--plots: cannot make the folder {folder}: {error.strerror}") from error
    return Drawing(folder, import_module("digestd.evaluate.plots"))


def _say(files: Iterable[Path]) -> None:
    for file in files:
        say(f"wrote {file}")
