"""It reads like what the topics find in the archive: pseudo-relevance feedback, TF-IDF cosine.

It adds to the score of what is near a topic, but is no evidence by itself: what the archive has for
a topic may be beside the point, and nobody asked for that.
"""

import numpy as np

from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import Hits, nothing

NAME = "echo"


def score(pool: Pool, profiles: Profiles) -> Floats:
    """Cosine with the archive papers that the topics meet best, each by its share.

    Where the archive holds none, the words are new to it, and what the day says of them is all there is.
    """
    out = pool.echoes.like(profiles.echoes)
    unheard = np.flatnonzero((np.diff(profiles.echoes.indptr) == 0) & (profiles.topics.of.sizes > 0))
    out[unheard] = profiles.topics.bm25[unheard]
    return out


def evidence(pool: Pool, profiles: Profiles) -> Hits:  # noqa: ARG001 - every signal is asked alike
    """None."""
    return nothing()


def explain(pool: Pool, profiles: Profiles, at: Cells) -> None:
    """Nothing to say: the topic itself is the reason."""
