"""Similarity to the likes in the dense space: their whitened centroid.

w = P (mean of likes − ½ mean of dislikes − μ), as in `latent_likes`. Inactive without a dense model.
"""

from digestd.ranking.arrays import Cells, above
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
    feedback = profiles.feedback
    return above(feedback.likes.best(feedback.seed_table.dense_cosine[feedback.liked]), candidates.space.near)


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence | None:
    """Return the title of the nearest like."""
    if candidates.space.is_empty:
        return None
    likes, rows = liked_at(profiles, at)
    feedback = profiles.feedback
    cosine = feedback.seed_table.dense_cosine[feedback.liked[rows], at.columns[likes.owner]]
    return nearest_of(profiles, (likes, rows), cosine, candidates.space.near)
