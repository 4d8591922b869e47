"""Preferred popularity.

Some people like what everybody discusses, others what nobody has seen.

f = (Σ popularity of the likes)/(likes + DOUBT) · popularity of the paper: a slope per subscriber on top of the trend,
shrunk to 0 for few likes. Gains .021 [.006, .039] on HF submitters and .015 [.006, .025] on HF authors.
"""

import numpy as np

from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.candidates import CandidateSet, popularity_ranks
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import SparseValues, no_values

NAME = "popularity"
DOUBT = 2
"""Strength of the shrinkage, in likes."""


def score(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return preference times popularity; 0 without likes."""
    feedback = profiles.feedback
    liked = popularity_ranks(feedback.seed_table.votes[feedback.liked, 0], candidates.archive_votes)
    whole = np.bincount(feedback.likes.owner, liked, len(profiles))
    slope = (whole / (feedback.likes.sizes + DOUBT)).astype(np.float32)
    value: Floats = slope[:, None] * candidates.popularity
    return value


def evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    """Return none: popularity does not match any interest."""
    return no_values()


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> None:  # noqa: ARG001  # the interface of all signals
    """Return None: `trend` gives the figure."""
    return
