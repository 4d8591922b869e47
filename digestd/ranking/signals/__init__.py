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
    latent,
    likes,
    meaning,
    phrase,
    topic,
    trend,
)
from digestd.ranking.signals.base import Module


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal with its place in the sum.

    `fades`: its weight falls as 1.5/(1.5 + number of likes). `boost`: added as it is, not standardised
    within the day: what is named outright counts alike whatever else the day holds. `dense`: says nothing
    without a dense model.
    """

    module: Module
    weight: float
    fades: bool = False
    boost: bool = False
    dense: bool = False

    @property
    def name(self) -> str:
        return self.module.NAME


SIGNALS: tuple[Signal, ...] = (
    Signal(author, 2.0, boost=True),
    Signal(phrase, 1.5, boost=True),
    Signal(topic, 1.0, fades=True),
    Signal(meaning, 1.0, fades=True),
    Signal(likes, 1.0),
    Signal(latent, 0.5),
    Signal(dense_topic, 1.0, fades=True, dense=True),
    Signal(dense_likes, 0.5, dense=True),
    Signal(dense_near, 0.25, dense=True),
    Signal(category, 0.5, boost=True),
    Signal(trend, 0.3),
)
