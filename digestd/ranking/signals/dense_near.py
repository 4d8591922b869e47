"""Similarity to the three nearest likes in the dense space.

A centroid blurs a library with many interests; the nearest likes do not. Inactive without a dense model.
"""

import numpy as np

from digestd.ranking.arrays import Cells
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals import dense_likes
from digestd.ranking.signals.base import Values, zeros

NAME = "dense_near"
NEAREST = 3


def score(candidates: CandidateSet, profiles: Profiles) -> Values:
    """Return the mean dense cosine with the three nearest likes; 0 without likes."""
    out, likes = zeros(candidates, profiles), profiles.feedback.likes
    if candidates.space.is_empty:
        return out
    cosine = dense_likes.cosines(candidates, profiles)
    for row in profiles.feedback.rows:
        own = cosine[likes.starts[row] : likes.starts[row] + likes.sizes[row]]
        out[row] = np.sort(own, axis=0)[-NEAREST:].mean(axis=0)
    return out


evidence = dense_likes.evidence


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> None:
    """Return None: `dense_likes` names the paper."""
