"""Which of the ranked papers make a subscriber's digest: pure, for one subscriber at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digestd.domain.digest import Pick, Section
from digestd.ranking.arrays import Bools, Floats
from digestd.ranking.diversity import diversify
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile
from digestd.ranking.reasons import reason

BAR = 0.15
"""Relevance a new paper needs; below it a digest holds fewer papers rather than worse ones."""
GOOD = 0.5
"""Relevance an older paper needs that an earlier digest had no room for."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """One subscriber's view of the pool's m papers; every array is (m,).

    `fresh`: first seen since the last digest. `open`: may be picked at all (in the window, not had, not muted).
    """

    profile: Profile
    total: Floats
    relevance: Floats
    fresh: Bools
    open: Bools

    def rank(self, j: int) -> int:
        """The place of paper j by score among those that may be picked, from 1."""
        return 1 + int((self.total[self.open] > self.total[j]).sum())


def choose(pool: Pool, ranked: Ranked, size: int) -> list[int]:
    """The positions of up to `size` papers, best first; empty where nothing is of any relevance.

    Papers by followed authors come first and are never cut for diversity. With candidates of any
    relevance there is at least one pick.
    """
    new = ranked.open & ranked.fresh & (ranked.relevance > 0)
    worthy = new & (ranked.relevance >= bar(ranked.profile)) | ranked.open & (ranked.relevance >= GOOD)
    order = _by_score(worthy if worthy.any() else new, ranked.total)
    if not worthy.any():
        return order[:1]
    followed = [j for j in order if ranked.profile.follows(pool, j)][:size]
    first = set(followed)
    others = [j for j in order if j not in first]
    return followed + diversify(others, pool, ranked.total, size - len(followed))


def bar(profile: Profile) -> float:
    """The relevance a new paper needs: none for a subscriber without interests, whose measure is the trend."""
    return 0.0 if profile.plain else BAR


def picks(pool: Pool, ranked: Ranked, chosen: Sequence[int]) -> tuple[Pick, ...]:
    """The chosen papers with score, section and reason."""
    section = Section.TRENDING if ranked.profile.plain else Section.FOR_YOU
    return tuple(
        Pick(
            paper=pool.papers[j].key,
            revision=pool.papers[j].revision,
            score=float(ranked.total[j]),
            section=section,
            reason=reason(pool, ranked.profile, j),
            rank=ranked.rank(j),
        )
        for j in chosen
    )


def _by_score(mask: Bools, total: Floats) -> list[int]:
    candidates = np.flatnonzero(mask)
    return [int(j) for j in candidates[np.argsort(-total[candidates], kind="stable")]]
