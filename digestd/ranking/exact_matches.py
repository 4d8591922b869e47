"""Exact matches: where the phrases, authors and categories that subscribers name occur in the candidate papers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from digestd.domain.interest import Kind
from digestd.ranking.arrays import NOWHERE, Bools, Cells, Ints, cells
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.inverted_index import positions
from digestd.ranking.text import tokens


@dataclass(frozen=True, slots=True, eq=False)
class ExactMatch:
    """One named interest: its `value` as typed and the `papers` (sorted positions) that match.

    `written`: the spelling in each paper, where it may differ from the value.
    """

    value: str
    papers: Ints
    written: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class ExactMatches:
    """The matches of one kind of interest for a block of subscribers.

    Attributes:
        cells: (subscriber, paper) with at least one match.
        matches: The first match of each cell.
        owner: (h,) subscriber of each interest that matches anything.
        found: (interest, paper) of every match.
    """

    cells: Cells
    matches: Sequence[ExactMatch]
    owner: Ints
    found: Cells

    def standing(self, width: int) -> Bools:
        """Return which papers each interest matches (h, width)."""
        table = np.zeros((len(self.owner), width), dtype=np.bool_)
        table[self.found.rows, self.found.columns] = True
        return table


def build_exact_matches(found: Iterable[tuple[int, ExactMatch]], width: int) -> ExactMatches:
    """Collect (subscriber, match) pairs, in subscriber order. `width`: number of papers."""
    sparse_values = [(row, match) for row, match in found if len(match.papers)]
    if not sparse_values:
        return _NOBODY
    owner, sizes = (
        np.array([row for row, _ in sparse_values], dtype=np.intp),
        [len(match.papers) for _, match in sparse_values],
    )
    which, papers = (
        np.repeat(np.arange(len(sparse_values)), sizes),
        np.concatenate([match.papers for _, match in sparse_values]),
    )
    once, first, _ = cells(owner[which], papers, width)
    return ExactMatches(once, [sparse_values[n][1] for n in which[first].tolist()], owner, Cells(which, papers))


_NOBODY = ExactMatches(Cells(NOWHERE, NOWHERE), (), NOWHERE, Cells(NOWHERE, NOWHERE))


def finders(candidates: CandidateSet) -> Mapping[Kind, Callable[[str], ExactMatch]]:
    """Return one memoised lookup function per kind of interest."""

    def person(value: str) -> ExactMatch:
        written = candidates.inverted_index.author(value)
        return ExactMatch(value, positions(written), written)

    numbers = cache(lambda: {paper.id: j for j, paper in enumerate(candidates.papers)})
    return {
        Kind.TOPIC: cache(lambda value: ExactMatch(value, candidates.bm25_index.holding(tokens(value)))),
        Kind.PHRASE: cache(lambda value: ExactMatch(value, candidates.inverted_index.phrase(value))),
        Kind.AUTHOR: cache(person),
        Kind.CATEGORY: cache(lambda value: ExactMatch(value, candidates.inverted_index.category(value))),
        Kind.PAPER: cache(lambda value: ExactMatch(value, positions([numbers()[value]] if value in numbers() else ()))),
    }
