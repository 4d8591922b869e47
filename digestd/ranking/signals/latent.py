"""It means what the liked papers mean: their latent centroid, whitened (linear discriminant analysis).

w = P (mean of likes − ½ mean of dislikes − μ) with μ the archive's mean and P its inverse covariance:
whitening keeps a library of several interests from blurring into none.
"""

from digestd.ranking.arrays import Cells, Floats, above, whole
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import Evidence, blank, liked_at, nearest_of

NAME = "latent"


def score(pool: Pool, profiles: Profiles) -> Floats:
    """Latent vector, drawn towards its company, · w; 0 without likes."""
    out, tastes = blank(pool, profiles), profiles.tastes
    centres = tastes.sum(tastes.pulls, tastes.shelf.centre) - pool.model.mean @ pool.model.precision
    out[tastes.rows] = centres @ pool.drawn.T
    return out


def evidence(pool: Pool, profiles: Profiles) -> Floats:
    """Latent cosine with the nearest like, above chance."""
    tastes = profiles.tastes
    return above(whole(tastes.likes.best(tastes.shelf.closeness[tastes.liked])), pool.model.near)


def explain(pool: Pool, profiles: Profiles, at: Cells) -> Evidence:
    """The title of the nearest like."""
    asked, rows = liked_at(profiles, at)
    tastes = profiles.tastes
    closeness = tastes.shelf.closeness[tastes.liked[rows], at.columns[asked.owner]]
    return nearest_of(profiles, (asked, rows), whole(closeness), pool.model.near)
