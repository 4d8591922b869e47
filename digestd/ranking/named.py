"""What subscribers name outright, phrases, people, categories, and where it stands in the day's papers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from digestd.domain.interest import Kind
from digestd.ranking.arrays import NOWHERE, Bools, Cells, Ints, cells
from digestd.ranking.lookup import positions
from digestd.ranking.pool import Pool
from digestd.ranking.text import tokens


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """An interest that names something: `value` as typed, the `papers` (sorted positions) that have it.

    `written`: as which it stands there, where that may differ.
    """

    value: str
    papers: Ints
    written: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """What a block names of one kind: the (subscriber, paper) where something stands, and what stands there first.

    `owner` (h,): whose each thing is that is named and found; `found`: the (thing, paper) where it stands.
    """

    cells: Cells
    matches: Sequence[Match]
    owner: Ints
    found: Cells

    def standing(self, width: int) -> Bools:
        """Where each thing stands: (h, width)."""
        table = np.zeros((len(self.owner), width), dtype=np.bool_)
        table[self.found.rows, self.found.columns] = True
        return table


def read_named(found: Iterable[tuple[int, Match]], width: int) -> Named:
    """From what each row of the block names, in order."""
    hits = [(row, match) for row, match in found if len(match.papers)]
    if not hits:
        return _NOBODY
    owner, sizes = np.array([row for row, _ in hits], dtype=np.intp), [len(match.papers) for _, match in hits]
    which, papers = np.repeat(np.arange(len(hits)), sizes), np.concatenate([match.papers for _, match in hits])
    once, first, _ = cells(owner[which], papers, width)
    return Named(once, [hits[n][1] for n in which[first].tolist()], owner, Cells(which, papers))


_NOBODY = Named(Cells(NOWHERE, NOWHERE), (), NOWHERE, Cells(NOWHERE, NOWHERE))


def finders(pool: Pool) -> Mapping[Kind, Callable[[str], Match]]:
    """How what is named is looked up, by kind; a finder remembers what it found."""

    def person(value: str) -> Match:
        written = pool.lookup.author(value)
        return Match(value, positions(written), written)

    numbers = cache(lambda: {paper.id: j for j, paper in enumerate(pool.papers)})
    return {
        Kind.TOPIC: cache(lambda value: Match(value, pool.lexicon.holding(tokens(value)))),
        Kind.PHRASE: cache(lambda value: Match(value, pool.lookup.phrase(value))),
        Kind.AUTHOR: cache(person),
        Kind.CATEGORY: cache(lambda value: Match(value, pool.lookup.category(value))),
        Kind.PAPER: cache(lambda value: Match(value, positions([numbers()[value]] if value in numbers() else ()))),
    }
