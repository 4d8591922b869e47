"""It is about as long as what was liked, title and abstract: some like letters, some reviews.

l = Σ over both of (Σ standing of the likes)/(likes + DOUBT) · standing of the paper, standings being ranks among the
day's papers: a subscriber's own slope, drawn towards none where few likes tell.
"""

import numpy as np

from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import SparseValues, no_values
from digestd.ranking.trend import ranks

NAME = "length"
DOUBT = 2
"""Likes' worth of an even taste."""
MOST = np.float32(0.5)
"""Of a slope: however alike in length all likes are, what they are about says more."""


def score(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """The taste for length times the length of each paper; 0 without likes."""
    feedback = profiles.feedback
    liked = standing(feedback.seed_table.lengths[feedback.liked], candidates.lengths)
    sure = (feedback.likes.sizes / (feedback.likes.sizes + DOUBT)).astype(np.float32)
    slope = np.clip(sure[:, None] * feedback.likes.mean(liked), -MOST, MOST)
    value: Floats = slope @ standing(candidates.lengths, candidates.lengths).T
    return value


def standing(rows: Floats, among: Floats) -> Floats:
    """The ranks of lengths (n, 2) among others (m, 2)."""
    found = [ranks(mine, others) for mine, others in zip(rows.T, among.T, strict=True)]
    return np.array(found, dtype=np.float32).T


def evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001 - every signal is asked alike
    """None: what it is about decides whether a paper matters."""
    return no_values()


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> None:  # noqa: ARG001 - every signal is asked alike
    """Nothing to say: nobody reads a paper for its length."""
    return
