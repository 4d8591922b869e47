"""It stands beside some of the liked papers, as a dense model reads them: the mean of the three nearest.

A centroid blurs a library of many interests, the nearest ones do not. Silent without a dense model.
"""

from collections.abc import Sequence

import numpy as np

from digestd.ranking.arrays import Floats
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile
from digestd.ranking.signals import dense_likes
from digestd.ranking.signals.base import Evidence, blank
from digestd.ranking.signals.likes import by_shelf

NAME = "dense_near"
NEAREST = 3


def score(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """Dense cosine with the three nearest likes, on average; 0 without likes."""
    out = blank(pool, profiles)
    if pool.space.silent:
        return out
    for shelf, rows, tastes in by_shelf(profiles):
        for row, one in zip(rows, tastes, strict=True):
            cosine = shelf.vectors[one.likes] @ pool.vectors.T
            out[row] = np.sort(cosine, axis=0)[-NEAREST:].mean(axis=0)
    return out


evidence = dense_likes.evidence


def explain(pool: Pool, profile: Profile, j: int) -> Evidence | None:  # noqa: ARG001 - every signal is asked alike
    """Nothing of its own: `dense_likes` names the paper."""
    return None
