"""It stands beside some of the liked papers, as a dense model reads them: the mean of the three nearest.

A centroid blurs a library of many interests, the nearest ones do not. Silent without a dense model.
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
    """Dense cosine with the three nearest likes, on average; 0 without likes."""
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
    """Nothing of its own: `dense_likes` names the paper."""
