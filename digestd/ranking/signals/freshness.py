"""It was new when it came: what had been out for a week is read already by who was to read it."""

import numpy as np

from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import SparseValues, no_values

NAME = "freshness"


def score(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """The pool's newness values, alike for all."""
    return np.broadcast_to(candidates.newness, (len(profiles), len(candidates)))


def evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001 - every signal is asked alike
    """None: being new is no interest met."""
    return no_values()


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> None:  # noqa: ARG001 - every signal is asked alike
    """Nothing to say: a digest is of new papers."""
    return
