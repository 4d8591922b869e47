"""It means what the liked papers mean, as a dense model reads them: their whitened centroid.

w = P (mean of likes − ½ mean of dislikes − μ), as for the latent space. Silent without a dense model.
"""

import numpy as np

from digestd.ranking.arrays import Cells, Floats, above
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import Evidence, Values, blank, liked_at, nearest_of

NAME = "dense_likes"


def score(pool: Pool, profiles: Profiles) -> Values:
    """Dense vector, drawn towards its company, · w; 0 without likes."""
    out, tastes = blank(pool, profiles), profiles.tastes
    if not pool.space.silent:
        centres = tastes.sum(tastes.pulls, tastes.shelf.vectors) - pool.space.mean
        out[tastes.rows] = centres @ pool.space.precision @ pool.leaning.T
    return out


def evidence(pool: Pool, profiles: Profiles) -> Values:
    """Dense cosine with the nearest like, above what archive papers have with each other."""
    if pool.space.silent:
        return blank(pool, profiles)
    return above(profiles.tastes.likes.best(cosines(pool, profiles)), pool.space.near)


def explain(pool: Pool, profiles: Profiles, at: Cells) -> Evidence | None:
    """The title of the nearest like."""
    if pool.space.silent:
        return None
    asked, rows = liked_at(profiles, at)
    vectors = profiles.tastes.shelf.vectors[profiles.tastes.liked[rows]]
    cosine: Floats = np.einsum("qe,qe->q", vectors, pool.vectors[at.columns[asked.owner]])
    return nearest_of(profiles, (asked, rows), cosine, pool.space.near)


def cosines(pool: Pool, profiles: Profiles) -> Floats:
    """Of each like with each paper (likes, m)."""
    cosine: Floats = profiles.tastes.shelf.vectors[profiles.tastes.liked] @ pool.vectors.T
    return cosine
