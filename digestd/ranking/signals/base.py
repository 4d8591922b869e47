"""The signal interface and shared helpers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from digestd.domain.digest import ReasonKind
from digestd.ranking.arrays import NOWHERE, Cells, Floats, Groups, Ints, above
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.kernel_ridge import EncodedSeed
from digestd.ranking.profile import ExactMatches, Profiles

Words: TypeAlias = tuple[str, tuple[str, ...]]
"""Value and words of a reason."""


@dataclass(frozen=True, slots=True, eq=False)
class SparseValues:
    """Values at a few (subscriber, paper) cells; 0 elsewhere."""

    cells: Cells
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ReasonEvidence:
    """The reasons that a signal can give at q places.

    Attributes:
        strength: (q,) the signal's evidence there; 0 if it has nothing to say.
        words: Returns value and words at the k-th place.
        alike: (q,) places with equal numbers have equal reasons.
        kind_at: Returns the kind of reason at the k-th place, if it varies.
    """

    kind: ReasonKind
    strength: Floats
    words: Callable[[int], Words]
    alike: Ints
    kind_at: Callable[[int], ReasonKind] | None = None

    def reason(self, k: int) -> tuple[ReasonKind, str, tuple[str, ...]]:
        return (self.kind if self.kind_at is None else self.kind_at(k), *self.words(k))


Values: TypeAlias = Floats | SparseValues
Explain: TypeAlias = Callable[[CandidateSet, Profiles, Cells], ReasonEvidence | None]
"""Returns what can be said at some cells, or None if nothing at any."""


def to_dense(values: Values, candidates: CandidateSet, profiles: Profiles) -> Floats:
    if isinstance(values, SparseValues):
        return values.cells.to_dense(values.values, (len(profiles), len(candidates)))
    return values


def zeros(candidates: CandidateSet, profiles: Profiles) -> Floats:
    return np.zeros((len(profiles), len(candidates)), dtype=np.float32)


def no_values() -> SparseValues:
    return SparseValues(Cells(NOWHERE, NOWHERE), np.zeros(0, dtype=np.float32))


def sparse_values(named: ExactMatches, value: float = 1.0) -> SparseValues:
    """Return the same value wherever one of the named interests matches."""
    return SparseValues(named.cells, np.full(len(named.cells), value, dtype=np.float32))


def liked_at(profiles: Profiles, at: Cells) -> tuple[Groups, Ints]:
    """Return the likes of the subscriber at each of q places, as groups, and their rows."""
    return profiles.feedback.likes.members(at.rows)


def nearest_of(profiles: Profiles, likes: tuple[Groups, Ints], cosine: Floats, floor: float) -> ReasonEvidence:
    """Return the title of the nearest like as the reason at each place.

    The nearest has the largest cosine.
    """
    groups, rows = likes
    most, where = groups.peaks(cosine)
    best = profiles.feedback.liked[rows[where]] if len(rows) else where
    seeds, seed = profiles.feedback.seed_table.seeds, best.tolist()

    def words(k: int) -> Words:
        return seeds[seed[k]].title, ()

    def kind(k: int) -> ReasonKind:
        return liked_kind(seeds[seed[k]])

    return ReasonEvidence(ReasonKind.LIKED, above(most, floor), words, best, kind)


def liked_kind(seed: EncodedSeed) -> ReasonKind:
    """Return the kind of reason for a liked paper; private references have their own."""
    return ReasonKind.REFERENCE if seed.is_private else ReasonKind.LIKED
