"""Similarity to the topics in the dense space: the mean cosine over topics. Inactive without a dense model.

The mean measured .017 better in nDCG@10 than the maximum.
"""

from digestd.ranking.arrays import Cells, above
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import ReasonEvidence, Values, nearest_topic, zeros

NAME = "dense_topic"


def score(candidates: CandidateSet, profiles: Profiles) -> Values:
    """Return the mean dense cosine with the topics."""
    if candidates.space.is_empty:
        return zeros(candidates, profiles)
    return profiles.topics.of.mean(profiles.topics.dense_cosine)


def evidence(candidates: CandidateSet, profiles: Profiles) -> Values:
    """Return the dense cosine with the nearest topic, above the usual."""
    if candidates.space.is_empty:
        return zeros(candidates, profiles)
    return above(profiles.topics.of.best(profiles.topics.dense_cosine), candidates.space.topic_near)


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence | None:
    """Return the nearest topic, without matched words."""
    return (
        None
        if candidates.space.is_empty
        else nearest_topic(profiles, at, profiles.topics.dense_cosine, candidates.space.topic_near)
    )
