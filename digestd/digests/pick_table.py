"""The picks of a block of digests, as a table."""

import numpy as np

from digestd.digests.selection_options import RankedCandidates, Selections
from digestd.domain.digest import Section
from digestd.domain.picks import SECTIONS, PickTable
from digestd.ranking.arrays import Cells, Ints, cells_along, marked
from digestd.ranking.calibration import LocalCalibration
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.reasons import Reasons

_DRAWN, _TRENDING, _FOR_YOU = (SECTIONS.index(one) for one in (Section.EXPLORATION, Section.TRENDING, Section.FOR_YOU))


def selected_cells(selections: Selections) -> Cells:
    """Return the selected (subscriber, paper) cells in digest order."""
    everything = np.column_stack([selections.chosen, selections.explored])
    there = everything >= 0
    return Cells(marked(there).rows, everything[there])


def build_pick_table(
    candidates: CandidateSet,
    ranked: RankedCandidates,
    selections: Selections,
    calibration: LocalCalibration,
    reasons: Reasons,
) -> PickTable:
    """Build the table of picks with score, section, probability and reason."""
    at = selected_cells(selections)
    numbers = np.array([(paper.key, paper.revision) for paper in candidates.papers], dtype=np.int64).reshape(-1, 2)
    without_interests, explored = ranked.profiles.without_interests[at.rows], selections.explored[at.rows] == at.columns
    log_odds = ranked.log_odds[at.rows, at.columns]
    return PickTable(
        sizes=np.bincount(at.rows, minlength=len(selections)),
        paper=numbers[at.columns, 0],
        revision=numbers[at.columns, 1],
        score=ranked.total[at.rows, at.columns],
        section=np.where(explored, _DRAWN, np.where(without_interests, _TRENDING, _FOR_YOU)),
        reason=reasons.which,
        rank=_ranks(selections, at),
        probability=np.where(without_interests, np.nan, calibration.probabilities(log_odds)),
        prior=np.where(without_interests, np.nan, LocalCalibration().probabilities(log_odds)),
        propensity=np.where(explored, selections.propensity[at.rows], np.nan),
        team=np.zeros(len(at), dtype=np.int64),
        reasons=reasons.distinct,
    )


def _ranks(selections: Selections, at: Cells) -> Ints:
    """Return the ranks among the candidates, from 1; 0 for other papers."""
    width = selections.order.shape[1]
    places = np.empty(selections.order.size, dtype=np.intp)
    places[cells_along(selections.order, width)] = np.arange(1, width + 1)
    found = places[at.rows * width + at.columns]
    return np.where(found <= selections.counts[at.rows], found, 0)
