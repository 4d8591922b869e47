"""Values of the selection: options of a digest, ranked candidates, and the result."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

import numpy as np

from digestd.domain.subscriber import MinScore
from digestd.ranking.arrays import Bools, Doubles, Floats, Ints
from digestd.ranking.profile import Profiles


@dataclass(frozen=True, slots=True, eq=False)
class RankedCandidates:
    """n subscribers × m candidates.

    Attributes:
        fresh: First seen since the last digest.
        open: Selectable: in the window, not sent before, not muted.
        log_odds: Log odds of a like by the shipped calibration.
    """

    profiles: Profiles
    total: Floats
    relevance: Floats
    fresh: Bools
    open: Bools
    log_odds: Floats


class DigestOptions(NamedTuple):
    """Up to `size` papers above the minimum score.

    `seed` in [0, 1) orders ties, and draws the exploration paper if `explore` is set; see `sampling_seed`.
    """

    size: int
    min_score: MinScore = MinScore.NORMAL
    explore: bool = False
    seed: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The selected papers of one subscriber.

    Attributes:
        order: (c,) candidates, best first.
        above_minimum: (m,) reaches the minimum score.
        chosen: Selected papers, best first.
        explored: The exploration paper, drawn with probability `propensity`.
    """

    order: Ints
    above_minimum: Bools
    chosen: tuple[int, ...]
    explored: int | None = None
    propensity: float | None = None

    @property
    def positions(self) -> tuple[int, ...]:
        """Return all papers of the digest, in order."""
        return self.chosen if self.explored is None else (*self.chosen, self.explored)

    def rank(self, j: int) -> int | None:
        """Return the rank of paper j among the candidates, from 1; None if it is not a candidate."""
        found = np.flatnonzero(self.order == j)
        return int(found[0]) + 1 if found.size else None


@dataclass(frozen=True, slots=True, eq=False)
class Selections(Sequence[Selection]):
    """The selected papers of n subscribers.

    Attributes:
        order, counts: (n, m) papers, best first, of which the first (n,) are candidates.
        above_minimum: (n, m) as in `Selection`.
        chosen: (n, s) best first, −1 past the last.
        explored, propensity: (n,) exploration paper, −1 if none, and its probability.
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
            return [self._selection(i) for i in range(len(self))[row]]
        return self._selection(row)

    def _selection(self, row: int) -> Selection:
        none = self.explored[row] < 0
        return Selection(
            order=self.order[row, : self.counts[row]],
            above_minimum=self.above_minimum[row],
            chosen=tuple(self.chosen[row][self.chosen[row] >= 0].tolist()),
            explored=None if none else int(self.explored[row]),
            propensity=None if none else float(self.propensity[row]),
        )


def sampling_seed(subscriber: int, period: str) -> float:
    """Return a number in [0, 1) derived from subscriber and period, so that a selection can be repeated."""
    digest = hashlib.blake2b(f"{subscriber}|{period}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48
