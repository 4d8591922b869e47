"""It means what the topics mean, whatever the words: latent cosine with the mean of the topics.

The mean, not the best: measured .015 to .03 better in nDCG@10.
"""

from digestd.ranking.arrays import Cells, Floats, above
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import Evidence, nearest_topic

NAME = "meaning"


def score(pool: Pool, profiles: Profiles) -> Floats:
    """Latent cosine with each topic, on average, of a paper drawn towards its company."""
    value: Floats = profiles.topics.of.mean(profiles.topics.places) @ pool.drawn.T
    return value


def evidence(pool: Pool, profiles: Profiles) -> Floats:
    """Latent cosine with the nearest topic, above chance."""
    return above(profiles.topics.of.best(profiles.topics.closeness), pool.model.near)


def explain(pool: Pool, profiles: Profiles, at: Cells) -> Evidence:
    """The nearest topic; it claims no word."""
    return nearest_topic(profiles, at, profiles.topics.closeness, pool.model.near)
