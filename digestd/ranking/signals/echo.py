"""It reads like what the topics find in the archive: pseudo-relevance feedback, TF-IDF cosine.

It adds to the score of what is near a topic, but is no evidence by itself: what the archive has for
a topic may be beside the point, and nobody asked for that.
"""

from collections.abc import Sequence

from digestd.ranking.arrays import Floats
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile
from digestd.ranking.signals import topic
from digestd.ranking.signals.base import Evidence, blank

NAME = "echo"


def score(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """Cosine with the archive papers that the topics meet best, each by its share.

    Where the archive holds none, the words are new to it, and what the day says of them is all there is.
    """
    out = pool.echoes.like([profile.echo for profile in profiles])
    unheard = [i for i, profile in enumerate(profiles) if profile.topics and not len(profile.echo.rows)]
    if unheard:
        out[unheard] = topic.score(pool, [profiles[i] for i in unheard])
    return out


def evidence(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """None."""
    return blank(pool, profiles)


def explain(pool: Pool, profile: Profile, j: int) -> Evidence | None:  # noqa: ARG001 - every signal is asked alike
    """Nothing to say: the topic itself is the reason."""
    return None
