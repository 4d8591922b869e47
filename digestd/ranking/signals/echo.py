"""It reads like what the topics find in the archive: pseudo-relevance feedback, TF-IDF cosine.

It adds to the score of what is near a topic, but is no evidence by itself: what the archive has for
a topic may be beside the point, and nobody asked for that.
"""

from collections.abc import Sequence

from digestd.ranking.arrays import Floats
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile
from digestd.ranking.signals.base import Evidence, blank

NAME = "echo"


def score(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """Cosine with the archive papers that the topics meet best, each by its share of their BM25."""
    return pool.echoes.like([profile.echo for profile in profiles])


def evidence(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """None."""
    return blank(pool, profiles)


def explain(pool: Pool, profile: Profile, j: int) -> Evidence | None:  # noqa: ARG001 - every signal is asked alike
    """Nothing to say: the topic itself is the reason."""
    return None
