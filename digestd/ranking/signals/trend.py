"""Trending papers.

For subscribers without interests and as a small part of every score.
"""

import numpy as np

from digestd.domain.digest import ReasonKind
from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import ReasonEvidence, Values, Words, no_values, zeros

NAME = "trend"
UNKNOWN = 0.1
"""Evidence for papers without votes: to subscribers without interests, anything new may matter."""


def score(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return the trend of each paper, the same for all."""
    return np.broadcast_to(candidates.trend, (len(profiles), len(candidates)))


def evidence(candidates: CandidateSet, profiles: Profiles) -> Values:
    """Return evidence that rises with votes from .1.

    For subscribers without interests only.
    """
    if not profiles.without_interests.any():
        return no_values()
    votes = np.log1p(candidates.weighted_votes)
    out = zeros(candidates, profiles)
    out[profiles.without_interests] = UNKNOWN + (1 - UNKNOWN) * votes / (votes + 3)
    return out


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:  # noqa: ARG001  # the interface of all signals
    """Return the number of upvotes, if any."""
    upvotes = np.array(
        [candidates.papers[j].signals.get("upvotes", 0.0) for j in at.columns.tolist()], dtype=np.float64
    )
    has_upvotes = (upvotes >= 1) & np.isfinite(upvotes)

    def words(k: int) -> Words:
        return str(int(upvotes[k])), ()

    strength = np.where(has_upvotes, 1 - 1 / (1 + np.where(has_upvotes, upvotes, 0)), 0).astype(np.float32)
    return ReasonEvidence(ReasonKind.TREND, strength, words, at.columns)
