"""Signals: what speaks for a paper. One module and one registry line each.

score(candidates, profiles)         raw values (n, m), comparable within one profile's day
evidence(candidates, profiles)      [0, 1] (n, m): whether an interest is matched at all, independent of the day
explain(candidates, profiles, at)   the reason at some cells, or None if the signal never gives one
"""

from dataclasses import dataclass

from digestd.ranking.signals import (
    author,
    category,
    co_likes,
    dense_likes,
    dense_near,
    dense_topic,
    latent_likes,
    likes,
    local_popularity,
    phrase,
    popularity,
    query_expansion,
    subject,
    topic,
    topic_similarity,
    trend,
)
from digestd.ranking.signals.base import SignalModule


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal and how it enters the sum; its weight is in `weights.json`.

    Attributes:
        fades: Its weight falls as likes come in.
        boost: Added unscaled instead of as z-scores: explicit interests count the same on every day.
        dense: Inactive without a dense model.
        community: Inactive without likes of other people.
    """

    module: SignalModule
    fades: bool = False
    boost: bool = False
    dense: bool = False
    community: bool = False

    @property
    def name(self) -> str:
        return self.module.NAME


SIGNALS: tuple[Signal, ...] = (
    Signal(author, boost=True),
    Signal(phrase, boost=True),
    Signal(subject, boost=True, fades=True),
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
    Signal(co_likes, boost=True, community=True),
    Signal(local_popularity, boost=True, community=True),
)
