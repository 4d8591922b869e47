"""It comes from the people behind a liked paper: an author in common."""

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import Cells
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.seeds import Shelved
from digestd.ranking.signals.base import Evidence, Hits, Words, why_liked

NAME = "kin"
STRENGTH = 0.3
"""Evidence: people write about other things as well, and names are shared."""


def score(pool: Pool, profiles: Profiles) -> Hits:  # noqa: ARG001 - every signal is asked alike
    """The root of the part of the likes that share people with the paper: the second says less than the first."""
    tastes = profiles.tastes
    part = tastes.shared / np.maximum(tastes.likes.sizes, 1)[tastes.kin.rows]
    return Hits(tastes.kin, np.sqrt(part).astype(np.float32))


def evidence(pool: Pool, profiles: Profiles) -> Hits:  # noqa: ARG001 - every signal is asked alike
    """Weak, where there is one."""
    kin = profiles.tastes.kin
    return Hits(kin, np.full(len(kin), STRENGTH, dtype=np.float32))


def explain(pool: Pool, profiles: Profiles, at: Cells) -> Evidence:
    """The title of the first such like."""
    found = profiles.tastes.kin.find(at, len(pool))

    def like(k: int) -> Shelved:
        return profiles.tastes.shelf.seeds[int(profiles.tastes.through[found[k]])]

    def said(k: int) -> Words:
        return like(k).title, ()

    def why(k: int) -> Why:
        return why_liked(like(k))

    return Evidence(Why.LIKED, np.where(found >= 0, np.float32(STRENGTH), np.float32(0)), said, found, why)
