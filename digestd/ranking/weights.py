"""The weights of the signals, fitted by `digestd evaluate --fit` and stored in `weights.json` next to this file.

Followed authors, phrases and categories keep fixed weights: they are promises to the subscriber, not estimates.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from math import isfinite


@dataclass(frozen=True, slots=True)
class Weights:
    """`signals`: name → weight. `fade`: the number of likes at which the weight of topic signals is halved."""

    signals: Mapping[str, float]
    fade: float

    def of(self, name: str) -> float:
        """Return the weight of a signal; 0 if it has none."""
        return self.signals.get(name, 0.0)


def parse(text: str) -> Weights:
    """Parse a weights file. Raises ValueError with the problem."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or set(found) != {"fade", "signals"} or not isinstance(found["signals"], dict):
        raise ValueError('is not a weights file: expected {"fade": number, "signals": {name: number}}')
    for name, value in {**found["signals"], "fade": found["fade"]}.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
            raise ValueError(f"the weight of {name} must be a number from 0 up")
    return Weights({name: float(value) for name, value in found["signals"].items()}, float(found["fade"]))


def dumps(weights: Weights) -> str:
    """Format weights as `parse` reads them."""
    return json.dumps({"fade": weights.fade, "signals": dict(weights.signals)}, indent=2) + "\n"


WEIGHTS = parse(files(__package__).joinpath("weights.json").read_text(encoding="utf-8"))
