"""Similarity to the three nearest likes in the dense space.

A centroid blurs a library with many interests; the nearest likes do not. Inactive without a dense model.
"""

from digestd.ranking.arrays import Cells
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import SparseValues, Values, no_values, zeros

NAME = "dense_near"
NEAREST = 3


def score(candidates: CandidateSet, profiles: Profiles) -> Values:
    """Return the mean dense cosine with the three nearest likes; 0 without likes."""
    feedback = profiles.feedback
    if candidates.space.is_empty:
        return zeros(candidates, profiles)
    return feedback.likes.mean_of_best(feedback.seed_table.dense_cosine[feedback.liked], NEAREST)


def evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    """Return none: that of `likes` covers it."""
    return no_values()


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> None:
    """Return None: `likes` names the paper."""
