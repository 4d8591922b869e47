"""It reads like the papers liked and not like those disliked: kernel ridge regression on TF-IDF."""

import numpy as np

from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import Evidence, blank, near_likes, nearest_like

NAME = "likes"
NEAR = 0.045
"""TF-IDF cosine above which two papers are alike; of one field 3 % are, of different fields one in a thousand."""


def score(pool: Pool, profiles: Profiles) -> Floats:
    """The regression's value: about 1 for a liked paper, −1 for any other; 0 without likes."""
    out, tastes = blank(pool, profiles), profiles.tastes
    prior = pool.background.prior(pool.features.astype(np.float64)).astype(np.float32)
    values = tastes.sum(tastes.duals, tastes.shelf.kernel)
    out[tastes.rows] = (values + (prior + 1)) * pool.lift - 1
    return out


def evidence(pool: Pool, profiles: Profiles) -> Floats:  # noqa: ARG001 - every signal is asked alike
    """TF-IDF cosine with the nearest like, above the usual."""
    return near_likes(profiles, profiles.tastes.shelf.cosine, NEAR)


def explain(pool: Pool, profiles: Profiles, at: Cells) -> Evidence:  # noqa: ARG001 - every signal is asked alike
    """The title of the nearest like."""
    return nearest_like(profiles, at, profiles.tastes.shelf.cosine, NEAR)
