"""It comes from the people behind a liked paper: an author in common."""

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import Cells
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.seeds import EncodedSeed
from digestd.ranking.signals.base import ReasonEvidence, SparseValues, Words, why_liked

NAME = "coauthors"
STRENGTH = 0.3
"""Evidence: people write about other things as well, and names are shared."""


def score(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001 - every signal is asked alike
    """The root of the part of the likes that share people with the paper: the second says less than the first."""
    feedback = profiles.feedback
    part = feedback.shared / np.maximum(feedback.likes.sizes, 1)[feedback.coauthors.rows]
    return SparseValues(feedback.coauthors, np.sqrt(part).astype(np.float32))


def evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001 - every signal is asked alike
    """Weak, where there is one."""
    coauthors = profiles.feedback.coauthors
    return SparseValues(coauthors, np.full(len(coauthors), STRENGTH, dtype=np.float32))


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """The title of the first such like."""
    found = profiles.feedback.coauthors.find(at, len(candidates))

    def like(k: int) -> EncodedSeed:
        return profiles.feedback.seed_table.seeds[int(profiles.feedback.first_coauthored[found[k]])]

    def said(k: int) -> Words:
        return like(k).title, ()

    def why(k: int) -> Why:
        return why_liked(like(k))

    return ReasonEvidence(Why.LIKED, np.where(found >= 0, np.float32(STRENGTH), np.float32(0)), said, found, why)
