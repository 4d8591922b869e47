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
    echo,
    fame,
    fresh,
    kin,
    latent,
    length,
    likes,
    meaning,
    phrase,
    topic,
    trend,
)
from digestd.ranking.signals.base import Module


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal with how it enters the sum; its weight is in `weights.json`.

    `fades`: its weight falls as likes come in. `boost`: added as it is, not standardised
    within the day: what is named outright counts alike whatever else the day holds. `dense`: says nothing
    without a dense model.
    """

    module: Module
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
    Signal(meaning, fades=True),
    Signal(echo, fades=True),
    Signal(dense_topic, fades=True, dense=True),
    Signal(likes),
    Signal(latent),
    Signal(dense_likes, dense=True),
    Signal(dense_near, dense=True),
    Signal(kin, boost=True),
    Signal(category, boost=True),
    Signal(trend),
    Signal(fresh),
    Signal(fame, boost=True),
    Signal(length, boost=True),
)
