"""It means what the liked papers mean, as a dense model reads them: their whitened centroid.

w = P (mean of likes − ½ mean of dislikes − μ), as for the latent space. Silent without a dense model.
"""

from collections.abc import Sequence

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import Floats, above, above_one, best_of_groups
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile, Tastes
from digestd.ranking.signals.base import Evidence, blank
from digestd.ranking.signals.likes import by_shelf

NAME = "dense_likes"
DISLIKES = 0.5


def score(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """Dense vector · w; 0 without likes."""
    out = blank(pool, profiles)
    if pool.space.silent:
        return out
    for _, rows, tastes in by_shelf(profiles):
        centres = np.array([_centre(t) for t in tastes]) - pool.space.mean
        out[rows] = centres @ pool.space.precision @ pool.vectors.T
    return out


def evidence(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """Dense cosine with the nearest like, above what archive papers have with each other."""
    out = blank(pool, profiles)
    if pool.space.silent:
        return out
    for shelf, rows, tastes in by_shelf(profiles):
        cosine = shelf.vectors[np.concatenate([t.likes for t in tastes])] @ pool.vectors.T
        out[rows] = above(best_of_groups(cosine, [len(t.likes) for t in tastes]), pool.space.near)
    return out


def explain(pool: Pool, profile: Profile, j: int) -> Evidence | None:
    """The title of the nearest like."""
    if pool.space.silent or profile.tastes is None:
        return None
    cosine = profile.tastes.shelf.vectors[profile.tastes.likes] @ pool.vectors[j]
    best = int(cosine.argmax())
    strength = above_one(float(cosine[best]), pool.space.near)
    return Evidence(Why.LIKED, strength, profile.tastes.seeds[best].title) if strength else None


def _centre(tastes: Tastes) -> Floats:
    vectors = tastes.shelf.vectors
    centre: Floats = tastes.liked @ vectors[tastes.likes]
    if len(tastes.dislikes):
        centre = centre - np.float32(DISLIKES) * (tastes.disliked @ vectors[tastes.dislikes])
    return centre
