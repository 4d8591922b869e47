"""It is filed under a chosen category. Never the only thing that counts: a category holds hundreds a day."""

from collections.abc import Sequence

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import Floats
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile
from digestd.ranking.signals.base import Evidence, first, hits

NAME = "category"
STRENGTH = 0.2
"""Weak evidence: hardly anyone wants all of a category."""


def score(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """1 for a paper in any of the categories or below one."""
    return hits(pool, profiles, lambda profile: profile.categories)


def evidence(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """The same, but weak."""
    return score(pool, profiles) * np.float32(STRENGTH)


def explain(pool: Pool, profile: Profile, j: int) -> Evidence | None:  # noqa: ARG001 - every signal is asked alike
    """The category as chosen."""
    match = first(profile.categories, j)
    return Evidence(Why.CATEGORY, STRENGTH, match.value) if match else None
