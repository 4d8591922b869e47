"""It was new when it came: what had been out for a week is read already by who was to read it."""

import numpy as np

from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import Hits, nothing

NAME = "fresh"


def score(pool: Pool, profiles: Profiles) -> Floats:
    """The pool's newness values, alike for all."""
    return np.broadcast_to(pool.newness, (len(profiles), len(pool)))


def evidence(pool: Pool, profiles: Profiles) -> Hits:  # noqa: ARG001 - every signal is asked alike
    """None: being new is no interest met."""
    return nothing()


def explain(pool: Pool, profiles: Profiles, at: Cells) -> None:  # noqa: ARG001 - every signal is asked alike
    """Nothing to say: a digest is of new papers."""
    return
