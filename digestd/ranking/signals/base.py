"""What a signal is, and what those share that look for something named."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import NOWHERE, Cells, Floats, Groups, Ints, above
from digestd.ranking.named import Named
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.seeds import Shelved

Words: TypeAlias = tuple[str, tuple[str, ...]]
"""The value and the words of a reason."""


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Values of a few (subscriber, paper); all others are 0."""

    cells: Cells
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The words for reasons at q places. `strength` (q,): the signal's evidence there, 0 where it has nothing to say.

    `said`: what is said at the k-th of them. `alike` (q,): where equal, the same is said. `why_at`: the kind of reason
    at the k-th, if it is not `why` at all of them.
    """

    why: Why
    strength: Floats
    said: Callable[[int], Words]
    alike: Ints
    why_at: Callable[[int], Why] | None = None

    def reason(self, k: int) -> tuple[Why, str, tuple[str, ...]]:
        """Return the fields of the k-th reason."""
        return (self.why if self.why_at is None else self.why_at(k), *self.said(k))


Values: TypeAlias = Floats | Hits


class Explains(Protocol):
    """What may give the reason for a paper."""

    @property
    def NAME(self) -> str: ...

    def explain(self, pool: Pool, profiles: Profiles, at: Cells) -> Evidence | None: ...


class Module(Explains, Protocol):
    """A signal's file."""

    def score(self, pool: Pool, profiles: Profiles) -> Values: ...

    def evidence(self, pool: Pool, profiles: Profiles) -> Values: ...


def laid_out(values: Values, pool: Pool, profiles: Profiles) -> Floats:
    """Values as a whole table (n, m)."""
    if isinstance(values, Hits):
        return values.cells.laid_out(values.values, (len(profiles), len(pool)))
    return values


def blank(pool: Pool, profiles: Profiles) -> Floats:
    """Zeros (n, m)."""
    return np.zeros((len(profiles), len(pool)), dtype=np.float32)


def nothing() -> Hits:
    """Zeros, of which none is written out."""
    return Hits(Cells(NOWHERE, NOWHERE), np.zeros(0, dtype=np.float32))


def hits(named: Named, value: float = 1.0) -> Hits:
    """The same value where any of the named interests stands in the paper."""
    return Hits(named.cells, np.full(len(named.cells), value, dtype=np.float32))


def liked_at(profiles: Profiles, at: Cells) -> tuple[Groups, Ints]:
    """The likes of whoever stands at each of q places: as groups, and which likes they are."""
    return profiles.tastes.likes.members(at.rows)


def nearest_of(profiles: Profiles, asked: tuple[Groups, Ints], cosine: Floats, floor: float) -> Evidence:
    """The title of the like with the greatest cosine, one being given for each that was asked."""
    groups, rows = asked
    most, where = groups.peaks(cosine)
    best = profiles.tastes.liked[rows[where]] if len(rows) else where
    seeds, seed = profiles.tastes.shelf.seeds, best.tolist()

    def said(k: int) -> Words:
        return seeds[seed[k]].title, ()

    def why(k: int) -> Why:
        return why_liked(seeds[seed[k]])

    return Evidence(Why.LIKED, above(most, floor), said, best, why)


def why_liked(seed: Shelved) -> Why:
    """Return the kind of reason that a liked paper gives: a private reference is told apart."""
    return Why.REFERENCE if seed.is_private else Why.LIKED


def nearest_topic(profiles: Profiles, at: Cells, cosine: Floats, floor: float) -> Evidence:
    """The nearest topic by a cosine (t, m) above the floor."""
    asked, rows = profiles.topics.of.members(at.rows)
    most, where = asked.peaks(cosine[rows, at.columns[asked.owner]])
    best = rows[where] if len(rows) else where
    typed, topic = profiles.typed(), best.tolist()

    def said(k: int) -> Words:
        return typed(topic[k]), ()

    return Evidence(Why.NEAR_TOPIC, above(most, floor), said, best)
