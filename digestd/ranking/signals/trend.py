"""Everybody talks about it."""

from collections.abc import Sequence

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import Floats
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile
from digestd.ranking.signals.base import Evidence, blank

NAME = "trend"
UNKNOWN = 0.1
"""Evidence for a paper nobody voted for: to who asked for nothing, anything new may matter."""


def score(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """The pool's trend values, alike for all."""
    return blank(pool, profiles) + pool.trend


def evidence(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """Rising with the votes from .1, never 1; counts only for who asked for nothing in particular."""
    votes = np.log1p(pool.points)
    value = UNKNOWN + (1 - UNKNOWN) * votes / (votes + 3)
    plain = np.array([profile.plain for profile in profiles], dtype=np.float32)
    weak: Floats = np.outer(plain, value).astype(np.float32)
    return weak


def explain(pool: Pool, profile: Profile, j: int) -> Evidence | None:  # noqa: ARG001 - every signal is asked alike
    """The number of upvotes, where there are any."""
    upvotes = pool.papers[j].signals.get("upvotes", 0.0)
    if not 1 <= upvotes < float("inf"):
        return None
    return Evidence(Why.TREND, float(1 - 1 / (1 + upvotes)), str(int(upvotes)))
