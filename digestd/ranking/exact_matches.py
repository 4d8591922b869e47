"""What subscribers name outright, phrases, people, categories, and where it stands in the day's papers."""

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
    """An interest that names something: `value` as typed, the `papers` (sorted positions) that have it.

    `written`: as which it stands there, where that may differ.
    """

    value: str
    papers: Ints
    written: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class ExactMatches:
    """What a block names of one kind: the (subscriber, paper) where something stands, and what stands there first.

    `owner` (h,): whose each thing is that is named and found; `found`: the (thing, paper) where it stands.
    """

    cells: Cells
    matches: Sequence[ExactMatch]
    owner: Ints
    found: Cells

    def standing(self, width: int) -> Bools:
        """Where each thing stands: (h, width)."""
        table = np.zeros((len(self.owner), width), dtype=np.bool_)
        table[self.found.rows, self.found.columns] = True
        return table


def build_exact_matches(found: Iterable[tuple[int, ExactMatch]], width: int) -> ExactMatches:
    """From what each row of the block names, in order."""
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
    """How what is named is looked up, by kind; a finder remembers what it found."""

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
