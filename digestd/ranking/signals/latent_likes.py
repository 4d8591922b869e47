"""Similarity to the likes in the LSA space.

Their whitened centroid (linear discriminant analysis).

w = P (mean of likes − ½ mean of dislikes − μ), with the archive's mean μ and inverse covariance P. Whitening keeps
a library with several interests from blurring into none. Next to a dense model it adds little; without one it adds
.008 nDCG@10 with five likes on citeulike.
"""

from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import SparseValues, no_values, zeros

NAME = "latent_likes"


def score(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return LSA vector · w; 0 without likes."""
    out, feedback = zeros(candidates, profiles), profiles.feedback
    centres = (
        feedback.sum(feedback.centroid_weights, feedback.seed_table.centre)
        - candidates.model.mean @ candidates.model.precision
    )
    out[feedback.rows] = centres @ candidates.encoded.dense.T
    return out


def evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    """Return none: that of `likes` covers it."""
    return no_values()


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> None:
    """Return None: `likes` names the paper."""
