"""It is filed under a chosen category. Never the only thing that counts: a category holds hundreds a day."""

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import Cells
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import Evidence, Hits, Words, hits

NAME = "category"
STRENGTH = 0.2
"""Weak evidence: hardly anyone wants all of a category."""


def score(pool: Pool, profiles: Profiles) -> Hits:  # noqa: ARG001 - every signal is asked alike
    """1 for a paper in any of the categories or below one."""
    return hits(profiles.categories)


def evidence(pool: Pool, profiles: Profiles) -> Hits:  # noqa: ARG001 - every signal is asked alike
    """The same, but weak."""
    return hits(profiles.categories, STRENGTH)


def explain(pool: Pool, profiles: Profiles, at: Cells) -> Evidence:
    """The category as chosen."""
    found = profiles.categories.cells.find(at, len(pool))

    def said(k: int) -> Words:
        return profiles.categories.matches[found[k]].value, ()

    return Evidence(Why.CATEGORY, np.where(found >= 0, np.float32(STRENGTH), np.float32(0)), said, found)
