"""The weights of the signals: learnt by `digestd evaluate --fit`, kept in `weights.json` beside this file.

What no judgment speaks of (followed authors, phrases, categories) keeps the weight it has: promises, not estimates.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from math import isfinite


@dataclass(frozen=True, slots=True)
class Weights:
    """`signals`: name → weight. `fade`: the number of likes at which what topics say has half its weight."""

    signals: Mapping[str, float]
    fade: float

    def of(self, name: str) -> float:
        """The weight of a signal; 0 for one that is not named."""
        return self.signals.get(name, 0.0)


def parse(text: str) -> Weights:
    """Read a file of weights. Raises ValueError, saying what is wrong."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or set(found) != {"fade", "signals"} or not isinstance(found["signals"], dict):
        raise ValueError('is no file of weights: weights are {"fade": number, "signals": {name: number}}')
    for name, value in {**found["signals"], "fade": found["fade"]}.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
            raise ValueError(f"the weight of {name} must be a number from 0 up")
    return Weights({name: float(value) for name, value in found["signals"].items()}, float(found["fade"]))


def dumps(weights: Weights) -> str:
    """As `parse` reads them."""
    return json.dumps({"fade": weights.fade, "signals": dict(weights.signals)}, indent=2) + "\n"


WEIGHTS = parse(files(__package__).joinpath("weights.json").read_text(encoding="utf-8"))
