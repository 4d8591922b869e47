"""It is as much, or as little, talked about as what was liked: some want what all talk of, others what nobody saw.

f = (Σ fame of the likes)/(likes + DOUBT) · fame of the paper: a subscriber's own slope on top of the trend,
drawn towards none where few likes tell.
"""

import numpy as np

from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import SparseValues, no_values
from digestd.ranking.trend import ranks

NAME = "popularity"
DOUBT = 2
"""Likes' worth of an even taste."""


def score(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """The taste for fame times the fame of each paper; 0 without likes."""
    feedback = profiles.feedback
    liked = ranks(feedback.seed_table.votes[feedback.liked, 0], candidates.archive_votes)
    whole = np.bincount(feedback.likes.owner, liked, len(profiles))
    slope = (whole / (feedback.likes.sizes + DOUBT)).astype(np.float32)
    value: Floats = slope[:, None] * candidates.popularity
    return value


def evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001 - every signal is asked alike
    """None: what it is about decides whether a paper matters."""
    return no_values()


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> None:  # noqa: ARG001 - every signal is asked alike
    """Nothing to say: `trend` gives the figure."""
    return
