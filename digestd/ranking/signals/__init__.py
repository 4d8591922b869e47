"""The signals: what speaks for a paper. One file each, one line each here.

score(pool, profiles)     raw values (n, m): how strongly, comparable within one profile's day
evidence(pool, profiles)  [0, 1] (n, m): whether the interest is met at all, whatever else the day holds
explain(pool, profile, j) the words for it, or None where the signal has nothing to say of paper j
"""

from dataclasses import dataclass

from digestd.ranking.signals import (
    author,
    category,
    dense_likes,
    dense_near,
    dense_topic,
    latent_likes,
    length,
    likes,
    phrase,
    popularity,
    query_expansion,
    topic,
    topic_similarity,
    trend,
)
from digestd.ranking.signals.base import SignalModule


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal with how it enters the sum; its weight is in `weights.json`.

    `fades`: its weight falls as likes come in. `boost`: added as it is, not standardised
    within the day: what is named outright counts alike whatever else the day holds. `dense`: says nothing
    without a dense model.
    """

    module: SignalModule
    fades: bool = False
    boost: bool = False
    dense: bool = False

    @property
    def name(self) -> str:
        return self.module.NAME


SIGNALS: tuple[Signal, ...] = (
    Signal(author, boost=True),
    Signal(phrase, boost=True),
    Signal(topic, fades=True),
    Signal(topic_similarity, fades=True),
    Signal(query_expansion, fades=True),
    Signal(dense_topic, fades=True, dense=True),
    Signal(likes),
    Signal(latent_likes),
    Signal(dense_likes, dense=True),
    Signal(dense_near, dense=True),
    Signal(category, boost=True),
    Signal(trend),
    Signal(popularity, boost=True),
    Signal(length, boost=True),
)
