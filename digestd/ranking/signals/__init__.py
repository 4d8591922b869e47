"""Signals: scores of a paper for a subscriber. Each is a function, and one line in the registry.

score(candidates, profiles)         raw values (n, m), comparable within one profile's day
evidence(candidates, profiles)      [0, 1] (n, m): whether an interest is matched at all, independent of the day
explain(candidates, profiles, at)   the reason at some cells
"""

from collections.abc import Callable
from dataclasses import dataclass

from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals import community, likes, named, topics
from digestd.ranking.signals.base import Explain, Values


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal and how it enters the sum; its weight is in `weights.json`.

    Attributes:
        evidence: None if it raises the score but shows no match of an interest.
        explain: None if it never gives the reason.
        fades: Its weight falls as likes come in.
        boost: Added unscaled instead of as z-scores: explicit interests count the same on every day.
        dense: Inactive without a dense model.
        community: Inactive without likes of other people.
    """

    name: str
    score: Callable[[CandidateSet, Profiles], Values]
    evidence: Callable[[CandidateSet, Profiles], Values] | None = None
    explain: Explain | None = None
    fades: bool = False
    boost: bool = False
    dense: bool = False
    community: bool = False


SIGNALS: tuple[Signal, ...] = (
    Signal("author", named.author, named.author, named.explain_author, boost=True),
    Signal("phrase", named.phrase, named.phrase, named.explain_phrase, boost=True),
    Signal("subject", topics.subject, topics.subject_evidence, topics.explain_subject, fades=True),
    Signal("query_expansion", topics.query_expansion, fades=True),
    Signal("likes", likes.likes, likes.likes_evidence, likes.explain_likes),
    Signal("dense_likes", likes.dense_likes, dense=True),
    Signal("dense_near", likes.dense_near, dense=True),
    Signal("category", named.collection, named.collection_evidence, named.explain_collection, boost=True),
    Signal("trend", community.trend, community.trend_evidence, community.explain_trend),
    Signal("popularity", community.popularity, boost=True),
    Signal("co_likes", community.co_likes, explain=community.explain_co_likes, boost=True, community=True),
    Signal("local_popularity", community.local_popularity, boost=True, community=True),
)
