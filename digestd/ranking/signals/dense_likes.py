"""Similarity to the likes in the dense space: their whitened centroid.

w = P (mean of likes − ½ mean of dislikes − μ), as in `latent_likes`. Inactive without a dense model.
"""

from digestd.ranking.arrays import Cells
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import SparseValues, Values, no_values, zeros

NAME = "dense_likes"


def score(candidates: CandidateSet, profiles: Profiles) -> Values:
    """Return embedding · w; 0 without likes."""
    out, feedback = zeros(candidates, profiles), profiles.feedback
    if not candidates.space.is_empty:
        centres = feedback.sum(feedback.centroid_weights, feedback.seed_table.vectors) - candidates.space.mean
        out[feedback.rows] = centres @ candidates.space.precision @ candidates.vectors.T
    return out


def evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    """Return none: that of `likes` covers it."""
    return no_values()


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> None:
    """Return None: `likes` names the paper."""
