"""Words of the topics in the text: BM25 over the day's papers, all topics together."""

from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import SparseValues, no_values

NAME = "topic"


def score(candidates: CandidateSet, profiles: Profiles) -> Floats:  # noqa: ARG001  # the interface of all signals
    """Return the sum of BM25 over the stems of all topics."""
    return profiles.topics.bm25


def evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    """Return none: `subject` tells whether a paper is about a topic."""
    return no_values()


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> None:
    """Return None: `subject` names the topic."""
