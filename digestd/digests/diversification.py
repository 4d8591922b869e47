"""Diversify the selection: followed authors, variety, a place per interest."""

from dataclasses import dataclass

import numpy as np

from digestd.digests.selection_options import RankedCandidates
from digestd.ranking.arrays import Bools, Ints, along, cells_along, marked
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.diversity import TOP, diversify, rebalance
from digestd.ranking.interest_matches import met

REACH = 1.5
"""With likes, only interests matched within this multiple of the size get a guaranteed place."""


@dataclass(frozen=True, slots=True, eq=False)
class EligiblePapers:
    """The papers above the minimum score: column c of `order` (n, m) where `marks` (n, m) is True."""

    order: Ints
    marks: Bools

    def by_position(self, marks: Bools) -> Bools:
        """Convert marks in order of score to marks by position."""
        table = np.zeros(marks.size, dtype=np.bool_)
        table[cells_along(self.order, marks.shape[1])] = marks
        return table.reshape(marks.shape)


def diversify_selection(
    candidates: CandidateSet, ranked: RankedCandidates, eligible: EligiblePapers, sizes: Ints
) -> Ints:
    """Choose up to `sizes` (n,) eligible papers, best first: positions (n, s), −1 past the last."""
    followed = _followed(ranked, eligible)
    first = first_marks(followed, sizes)
    kept = (first >= 0).sum(axis=1)
    others = first_marks(eligible.marks & ~followed, np.maximum(TOP, sizes - kept))
    papers = _papers(eligible.order, others)
    totals = along(ranked.total, papers)
    varied = diversify(papers, totals, candidates.similarity, sizes - kept)
    chosen = _joined(_papers(eligible.order, first), kept, _papers(papers, varied))
    return _rebalance(ranked, eligible, chosen, kept, sizes)


def first_marks(marks: Bools, limits: Ints) -> Ints:
    """Return the columns of the first marks of each row, up to `limits` (n,): (n, w), −1 past the last."""
    wanted = marked(marks & (marks.cumsum(axis=1) <= limits[:, None]))
    counts = np.bincount(wanted.rows, minlength=len(marks))
    found = np.full((len(marks), int(counts.max(initial=0))), -1, dtype=np.intp)
    within = np.arange(len(wanted)) - (np.cumsum(counts) - counts)[wanted.rows]
    found[wanted.rows, within] = wanted.columns
    return found


def _followed(ranked: RankedCandidates, eligible: EligiblePapers) -> Bools:
    cells = ranked.profiles.authors.cells
    if not len(cells):
        return np.zeros_like(eligible.marks)
    table = np.zeros_like(eligible.marks)
    table[cells.rows, cells.columns] = True
    followed: Bools = along(table, eligible.order) & eligible.marks
    return followed


def _papers(order: Ints, places: Ints) -> Ints:
    """Return the papers in these columns of each row; −1 for −1."""
    papers: Ints = np.where(places >= 0, along(order, np.maximum(places, 0)), -1)
    return papers


def _joined(first: Ints, kept: Ints, then: Ints) -> Ints:
    """Concatenate, for each row, the first `kept` (n,) papers and the following ones."""
    if not first.shape[1]:
        return then
    out = np.full((len(first), first.shape[1] + then.shape[1]), -1, dtype=np.intp)
    out[:, : first.shape[1]] = first
    rows, places = np.nonzero(then >= 0)
    out[rows, kept[rows] + places] = then[rows, places]
    return out


def _rebalance(ranked: RankedCandidates, eligible: EligiblePapers, chosen: Ints, kept: Ints, sizes: Ints) -> Ints:
    """Give every interest a place.

    Only subscribers with an interest left out are processed one by one.
    """
    likes = ranked.profiles.feedback.likes.sizes
    reach = np.where(likes > 0, (REACH * sizes).astype(np.intp), eligible.marks.shape[1])
    interests = met(ranked.profiles, eligible.marks.shape[1])
    near = eligible.by_position(eligible.marks & (eligible.marks.cumsum(axis=1) <= reach[:, None]))
    live = (interests.by & near[interests.owner]).any(axis=1)
    selected_cells = np.zeros_like(eligible.marks)
    rows, places = np.nonzero(chosen >= 0)
    selected_cells[rows, chosen[rows, places]] = True
    left_out = live & ~(interests.by & selected_cells[interests.owner]).any(axis=1)
    several = np.bincount(interests.owner[live], minlength=len(chosen)) > 1
    for row in np.flatnonzero(several & (np.bincount(interests.owner[left_out], minlength=len(chosen)) > 0)).tolist():
        order = eligible.order[row, eligible.marks[row]]
        mine = interests.by[interests.owner == row][:, order]
        given = rebalance(chosen[row, chosen[row] >= 0].tolist(), order, mine, int(kept[row]), int(reach[row]))
        chosen[row, : len(given)] = given
    return chosen
