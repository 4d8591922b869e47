"""It is as much, or as little, talked about as what was liked: some want what all talk of, others what nobody saw.

f = (Σ fame of the likes)/(likes + DOUBT) · fame of the paper: a subscriber's own slope on top of the trend,
drawn towards none where few likes tell.
"""

import numpy as np

from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import Hits, nothing
from digestd.ranking.trend import ranks

NAME = "fame"
DOUBT = 2
"""Likes' worth of an even taste."""


def score(pool: Pool, profiles: Profiles) -> Floats:
    """The taste for fame times the fame of each paper; 0 without likes."""
    tastes = profiles.tastes
    liked = ranks(tastes.shelf.votes[tastes.liked, 0], pool.heard)
    whole = np.bincount(tastes.likes.owner, liked, len(profiles))
    slope = (whole / (tastes.likes.sizes + DOUBT)).astype(np.float32)
    value: Floats = slope[:, None] * pool.fame
    return value


def evidence(pool: Pool, profiles: Profiles) -> Hits:  # noqa: ARG001 - every signal is asked alike
    """None: what it is about decides whether a paper matters."""
    return nothing()


def explain(pool: Pool, profiles: Profiles, at: Cells) -> None:  # noqa: ARG001 - every signal is asked alike
    """Nothing to say: `trend` gives the figure."""
    return
