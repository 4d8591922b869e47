"""Build the table of picks of a shard of digests."""

import numpy as np

from digestd.digests.selection_options import RankedCandidates, Selections
from digestd.domain.digest import Section
from digestd.domain.picks import SECTIONS, PickTable
from digestd.ranking.arrays import Cells, Ints, cells_along, marked
from digestd.ranking.calibration import LocalCalibration
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.reasons import Reasons

_DRAWN, _TRENDING, _FOR_YOU = (
    SECTIONS.index(section) for section in (Section.EXPLORATION, Section.TRENDING, Section.FOR_YOU)
)


def selected_cells(selections: Selections) -> Cells:
    """Return the selected (subscriber, paper) cells in digest order."""
    cells = np.column_stack([selections.chosen, selections.explored])
    there = cells >= 0
    return Cells(marked(there).rows, cells[there])


def build_pick_table(
    candidates: CandidateSet,
    ranked: RankedCandidates,
    selections: Selections,
    calibration: LocalCalibration,
    reasons: Reasons,
) -> PickTable:
    """Build the table of picks with score, section, probability and reason."""
    selected = selected_cells(selections)
    row_numbers = np.array([(paper.key, paper.revision) for paper in candidates.papers], dtype=np.int64).reshape(-1, 2)
    without_interests, explored = (
        ranked.profiles.without_interests[selected.rows],
        selections.explored[selected.rows] == selected.columns,
    )
    log_odds = ranked.log_odds[selected.rows, selected.columns]
    return PickTable(
        sizes=np.bincount(selected.rows, minlength=len(selections)),
        paper=row_numbers[selected.columns, 0],
        revision=row_numbers[selected.columns, 1],
        score=ranked.total[selected.rows, selected.columns],
        section=np.where(explored, _DRAWN, np.where(without_interests, _TRENDING, _FOR_YOU)),
        reason=reasons.which,
        rank=_ranks(selections, selected),
        probability=np.where(without_interests, np.nan, calibration.probabilities(log_odds)),
        prior=np.where(without_interests, np.nan, LocalCalibration().probabilities(log_odds)),
        propensity=np.where(explored, selections.propensity[selected.rows], np.nan),
        team=np.zeros(len(selected), dtype=np.int64),
        reasons=reasons.distinct,
    )


def _ranks(selections: Selections, selected: Cells) -> Ints:
    """Return the ranks among the candidates, from 1; 0 for other papers."""
    width = selections.order.shape[1]
    places = np.empty(selections.order.size, dtype=np.intp)
    places[cells_along(selections.order, width)] = np.arange(1, width + 1)
    found = places[selected.rows * width + selected.columns]
    return np.where(found <= selections.counts[selected.rows], found, 0)
