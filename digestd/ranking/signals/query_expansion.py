"""Similarity to the archive papers that match the topics best.

TF-IDF cosine after pseudo-relevance feedback.

It raises the score but is no evidence: what the archive has for a topic may be off the subject.
"""

import numpy as np

from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import SparseValues, no_values

NAME = "query_expansion"


def score(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return the weighted cosine with the expansion texts.

    BM25 if the archive lacks the words.
    """
    out = candidates.expansion.like(profiles.expansion)
    unheard = np.flatnonzero((np.diff(profiles.expansion.indptr) == 0) & (profiles.topics.of.sizes > 0))
    out[unheard] = profiles.topics.bm25[unheard]
    return out


def evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    """Return none."""
    return no_values()


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> None:
    """Return None: the topic itself is the reason."""
