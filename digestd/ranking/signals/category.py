"""Chosen categories.

Never the only thing that counts: a category holds hundreds of papers a day.
"""

import numpy as np

from digestd.domain.digest import ReasonKind
from digestd.ranking.arrays import Cells
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import ReasonEvidence, SparseValues, Words, sparse_values

NAME = "category"
STRENGTH = 0.2
"""Weak evidence: hardly anyone wants all of a category."""


def score(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    """Return 1 for papers in any chosen category or below it."""
    return sparse_values(profiles.categories)


def evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    """Return the same cells with weak evidence."""
    return sparse_values(profiles.categories, STRENGTH)


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """Return the category as chosen."""
    found = profiles.categories.cells.find(at, len(candidates))

    def words(k: int) -> Words:
        return profiles.categories.matches[found[k]].value, ()

    return ReasonEvidence(ReasonKind.CATEGORY, np.where(found >= 0, np.float32(STRENGTH), np.float32(0)), words, found)
