"""Similarity to the meaning of the topics, whatever the words.

LSA cosine with the mean of the topics.

The mean measured .015 to .03 better in nDCG@10 than the maximum.
"""

from digestd.ranking.arrays import Cells, Floats, above
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.model import unit
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import ReasonEvidence, nearest_topic

NAME = "topic_similarity"


def score(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return the LSA cosine with the mean topic."""
    value: Floats = unit(profiles.topics.of.mean(profiles.topics.places)) @ candidates.encoded.dense.T
    return value


def evidence(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return the LSA cosine with the nearest topic, above chance."""
    return above(profiles.topics.of.best(profiles.topics.lsa_cosine), candidates.model.near)


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """Return the nearest topic, without matched words."""
    return nearest_topic(profiles, at, profiles.topics.lsa_cosine, candidates.model.near)
