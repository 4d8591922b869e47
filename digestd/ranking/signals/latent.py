"""It means what the liked papers mean: their latent centroid, whitened (linear discriminant analysis).

w = P (mean of likes − ½ mean of dislikes − μ) with μ the archive's mean and P its inverse covariance:
whitening keeps a library of several interests from blurring into none.
"""

from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import Evidence, blank, near_likes, nearest_like

NAME = "latent"


def score(pool: Pool, profiles: Profiles) -> Floats:
    """Latent vector · w; 0 without likes."""
    out, tastes = blank(pool, profiles), profiles.tastes
    centres = tastes.sum(tastes.pulls, tastes.shelf.centre) - pool.model.mean @ pool.model.precision
    out[tastes.rows] = centres @ pool.encoded.dense.T
    return out


def evidence(pool: Pool, profiles: Profiles) -> Floats:
    """Latent cosine with the nearest like, above chance."""
    return near_likes(profiles, profiles.tastes.shelf.closeness, pool.model.near)


def explain(pool: Pool, profiles: Profiles, at: Cells) -> Evidence:
    """The title of the nearest like."""
    return nearest_like(profiles, at, profiles.tastes.shelf.closeness, pool.model.near)
