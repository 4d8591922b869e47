"""It comes from the people behind a liked paper: an author in common."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import Floats
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile
from digestd.ranking.signals.base import Evidence, blank

NAME = "kin"
STRENGTH = 0.3
"""Evidence: people write about other things as well, and names are shared."""


def score(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """The root of the number of likes that share people with the paper: the second says less than the first."""
    out = blank(pool, profiles)
    for i, profile in enumerate(profiles):
        shared = Counter(j for kin in _kin(profile) for j in kin)
        out[i, list(shared)] = np.sqrt(list(shared.values()))
    return out


def evidence(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """Weak, where there is one."""
    weak: Floats = (score(pool, profiles) > 0).astype(np.float32) * np.float32(STRENGTH)
    return weak


def explain(pool: Pool, profile: Profile, j: int) -> Evidence | None:  # noqa: ARG001 - every signal is asked alike
    """The title of the first such like."""
    if profile.tastes is None:
        return None
    titles = [seed.title for seed, kin in zip(profile.tastes.seeds, _kin(profile), strict=False) if j in kin]
    return Evidence(Why.LIKED, STRENGTH, titles[0]) if titles else None


def _kin(profile: Profile) -> list[frozenset[int]]:
    """For each like, its kin in the pool."""
    tastes = profile.tastes
    return [tastes.shelf.seeds[row].kin for row in tastes.likes] if tastes else []
