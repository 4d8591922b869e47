"""From what and on what terms digests are composed, and what comes of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

import numpy as np

from digestd.domain.subscriber import Bar
from digestd.ranking.arrays import Bools, Doubles, Floats, Ints
from digestd.ranking.profile import Profiles


@dataclass(frozen=True, slots=True, eq=False)
class RankedCandidates:
    """How a block of n subscribers sees the pool's m papers; every array is (n, m).

    `fresh`: first seen since the last digest. `open`: may be picked at all (in the window, not had, not muted).
    `odds`: the log odds of a like by the package's own knowledge.
    """

    profiles: Profiles
    total: Floats
    relevance: Floats
    fresh: Bools
    open: Bools
    log_odds: Floats


class DigestOptions(NamedTuple):
    """On what terms a digest is composed: up to `size` papers above the bar.

    `luck` in [0, 1) decides between equals, and what is drawn where `explore` allows it; see `luck`.
    """

    size: int
    min_score: Bar = Bar.NORMAL
    explore: bool = False
    seed: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What was chosen for one subscriber and from what.

    `order` (c,): positions of the candidates, best first. `worthy` (m,): reaches the bar. `chosen`: positions,
    best first; `drawn`: the one that was drawn, with the probability of that.
    """

    order: Ints
    above_minimum: Bools
    chosen: tuple[int, ...]
    explored: int | None = None
    propensity: float | None = None

    @property
    def positions(self) -> tuple[int, ...]:
        """All that the digest holds, in its order."""
        return self.chosen if self.explored is None else (*self.chosen, self.explored)

    def rank(self, j: int) -> int | None:
        """The place of paper j among the candidates, from 1; None if it is none."""
        found = np.flatnonzero(self.order == j)
        return int(found[0]) + 1 if found.size else None


@dataclass(frozen=True, slots=True, eq=False)
class Selections(Sequence[Selection]):
    """What was chosen for a block of n subscribers and from what.

    `order` (n, m): positions, best first, of which the first `counts` (n,) are candidates. `worthy` (n, m) as in
    `Choice`. `chosen` (n, s): positions, best first, −1 past the last. `drawn` (n,): −1 where none was, and the
    `propensity` (n,).
    """

    order: Ints
    counts: Ints
    above_minimum: Bools
    chosen: Ints
    explored: Ints
    propensity: Doubles

    def __len__(self) -> int:
        return len(self.order)

    @overload
    def __getitem__(self, row: int) -> Selection: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Selection]: ...
    def __getitem__(self, row: int | slice) -> Selection | Sequence[Selection]:
        if isinstance(row, slice):
            return [self._choice(i) for i in range(len(self))[row]]
        return self._choice(row)

    def _choice(self, row: int) -> Selection:
        none = self.explored[row] < 0
        return Selection(
            order=self.order[row, : self.counts[row]],
            above_minimum=self.above_minimum[row],
            chosen=tuple(self.chosen[row][self.chosen[row] >= 0].tolist()),
            explored=None if none else int(self.explored[row]),
            propensity=None if none else float(self.propensity[row]),
        )


def sampling_seed(subscriber: int, period: str) -> float:
    """A number in [0, 1) of a digest's own: the same whenever it is composed."""
    digest = hashlib.blake2b(f"{subscriber}|{period}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48
