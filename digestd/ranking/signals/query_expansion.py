"""It reads like what the topics find in the archive: pseudo-relevance feedback, TF-IDF cosine.

It adds to the score of what is near a topic, but is no evidence by itself: what the archive has for
a topic may be beside the point, and nobody asked for that.
"""

import numpy as np

from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import SparseValues, no_values

NAME = "query_expansion"


def score(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Cosine with the archive papers that the topics meet best, each by its share.

    Where the archive holds none, the words are new to it, and what the day says of them is all there is.
    """
    out = candidates.expansion.like(profiles.expansion)
    unheard = np.flatnonzero((np.diff(profiles.expansion.indptr) == 0) & (profiles.topics.of.sizes > 0))
    out[unheard] = profiles.topics.bm25[unheard]
    return out


def evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001 - every signal is asked alike
    """None."""
    return no_values()


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> None:
    """Nothing to say: the topic itself is the reason."""
