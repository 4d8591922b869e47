"""Similarity to the likes in the dense space: their whitened centroid.

w = P (mean of likes − ½ mean of dislikes − μ), as in `latent_likes`. Inactive without a dense model.
"""

import numpy as np

from digestd.ranking.arrays import Cells, Floats, above
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import ReasonEvidence, Values, liked_at, nearest_of, zeros

NAME = "dense_likes"


def score(candidates: CandidateSet, profiles: Profiles) -> Values:
    """Return embedding · w; 0 without likes."""
    out, feedback = zeros(candidates, profiles), profiles.feedback
    if not candidates.space.is_empty:
        centres = feedback.sum(feedback.centroid_weights, feedback.seed_table.vectors) - candidates.space.mean
        out[feedback.rows] = centres @ candidates.space.precision @ candidates.vectors.T
    return out


def evidence(candidates: CandidateSet, profiles: Profiles) -> Values:
    """Return the dense cosine with the nearest like, above the usual."""
    if candidates.space.is_empty:
        return zeros(candidates, profiles)
    return above(profiles.feedback.likes.best(cosines(candidates, profiles)), candidates.space.near)


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence | None:
    """Return the title of the nearest like."""
    if candidates.space.is_empty:
        return None
    likes, rows = liked_at(profiles, at)
    vectors = profiles.feedback.seed_table.vectors[profiles.feedback.liked[rows]]
    cosine: Floats = np.einsum("qe,qe->q", vectors, candidates.vectors[at.columns[likes.owner]])
    return nearest_of(profiles, (likes, rows), cosine, candidates.space.near)


def cosines(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return the cosine of each like with each paper (likes, m)."""
    cosine: Floats = profiles.feedback.seed_table.vectors[profiles.feedback.liked] @ candidates.vectors.T
    return cosine
