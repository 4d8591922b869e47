"""What a signal is, and what those share that look for something named."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import Floats
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Match, Profile


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words for a reason. `strength` in (0, 1]: the signal's evidence for this paper."""

    why: Why
    strength: float
    value: str = ""
    words: tuple[str, ...] = ()


class Module(Protocol):
    """A signal's file."""

    @property
    def NAME(self) -> str: ...

    def score(self, pool: Pool, profiles: Sequence[Profile]) -> Floats: ...

    def evidence(self, pool: Pool, profiles: Sequence[Profile]) -> Floats: ...

    def explain(self, pool: Pool, profile: Profile, j: int) -> Evidence | None: ...


def blank(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """Zeros (n, m)."""
    return np.zeros((len(profiles), len(pool)), dtype=np.float32)


def hits(pool: Pool, profiles: Sequence[Profile], named: Callable[[Profile], Sequence[Match]]) -> Floats:
    """1 where any of the named interests stands in the paper: (n, m)."""
    out = blank(pool, profiles)
    for i, profile in enumerate(profiles):
        for match in named(profile):
            out[i, match.papers] = 1
    return out


def first(matches: Sequence[Match], j: int) -> Match | None:
    """The first of the matches that paper j has."""
    for match in matches:
        if j in match.papers:
            return match
    return None
