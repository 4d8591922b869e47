"""It means what the liked papers mean: their latent centroid, whitened (linear discriminant analysis).

w = P (mean of likes − ½ mean of dislikes − μ) with μ the archive's mean and P its inverse covariance:
whitening keeps a library of several interests from blurring into none.
"""

from collections.abc import Sequence

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import Floats, above, above_one, best_of_groups
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile, Tastes
from digestd.ranking.signals.base import Evidence, blank
from digestd.ranking.signals.likes import by_shelf

NAME = "latent"
DISLIKES = 0.5


def score(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """Latent vector · w; 0 without likes."""
    out = blank(pool, profiles)
    for _, rows, tastes in by_shelf(profiles):
        centres = np.array([_centre(t) for t in tastes]) - pool.model.mean
        out[rows] = centres @ pool.model.precision @ pool.encoded.dense.T
    return out


def evidence(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """Latent cosine with the nearest like, above chance."""
    out = blank(pool, profiles)
    for shelf, rows, tastes in by_shelf(profiles):
        cosine = shelf.dense[np.concatenate([t.likes for t in tastes])] @ pool.encoded.dense.T
        out[rows] = above(best_of_groups(cosine, [len(t.likes) for t in tastes]), pool.model.near)
    return out


def explain(pool: Pool, profile: Profile, j: int) -> Evidence | None:
    """The title of the nearest like."""
    if profile.tastes is None:
        return None
    cosine = profile.tastes.shelf.dense[profile.tastes.likes] @ pool.encoded.dense[j]
    best = int(cosine.argmax())
    strength = above_one(float(cosine[best]), pool.model.near)
    return Evidence(Why.LIKED, strength, profile.tastes.seeds[best].title) if strength else None


def _centre(tastes: Tastes) -> Floats:
    dense = tastes.shelf.dense
    centre: Floats = tastes.liked @ dense[tastes.likes]
    if len(tastes.dislikes):
        centre = centre - np.float32(DISLIKES) * (tastes.disliked @ dense[tastes.dislikes])
    return centre
