"""Similarity to the topics in the dense space: the mean cosine over topics.

Inactive without a dense model.

The mean measured .017 better in nDCG@10 than the maximum.
"""

from digestd.ranking.arrays import Cells, Floats, above
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import ReasonEvidence, Values, nearest_topic, zeros

NAME = "dense_topic"


def score(candidates: CandidateSet, profiles: Profiles) -> Values:
    """Return the mean dense cosine with the topics."""
    if candidates.space.is_empty:
        return zeros(candidates, profiles)
    value: Floats = profiles.topics.of.mean(_topics(candidates, profiles)) @ candidates.vectors.T
    return value


def evidence(candidates: CandidateSet, profiles: Profiles) -> Values:
    """Return the dense cosine with the nearest topic, above the usual."""
    if candidates.space.is_empty:
        return zeros(candidates, profiles)
    return above(profiles.topics.of.best(_cosine(candidates, profiles)), candidates.space.near)


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence | None:
    """Return the nearest topic, without matched words."""
    return (
        None
        if candidates.space.is_empty
        else nearest_topic(profiles, at, _cosine(candidates, profiles), candidates.space.near)
    )


def _cosine(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return the cosine of each topic with each paper (t, m)."""
    cosine: Floats = _topics(candidates, profiles) @ candidates.vectors.T
    return cosine


def _topics(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return the vector of each topic (t, e)."""
    each = list(map(profiles.topic_text(), range(len(profiles.topics.covered))))
    distinct = {value: row for row, value in enumerate(dict.fromkeys(each))}
    vectors = candidates.space.encoder.encode(list(distinct))
    return vectors[[distinct[value] for value in each]].reshape(len(each), candidates.space.dims)
