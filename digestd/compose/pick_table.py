"""The picks of a block of digests, as a table."""

import numpy as np

from digestd.compose.options import RankedCandidates, Selections
from digestd.domain.digest import Section
from digestd.domain.picks import SECTIONS, PickTable
from digestd.ranking.arrays import Cells, Ints, cells_along, marked
from digestd.ranking.calibration import LocalCalibration
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.reasons import Reasons

_DRAWN, _TRENDING, _FOR_YOU = (SECTIONS.index(one) for one in (Section.DRAWN, Section.TRENDING, Section.FOR_YOU))


def selected_cells(choices: Selections) -> Cells:
    """What the digests hold, in their order: (subscriber, paper)."""
    everything = np.column_stack([choices.chosen, choices.explored])
    there = everything >= 0
    return Cells(marked(there).rows, everything[there])


def build_pick_table(
    candidates: CandidateSet,
    ranked: RankedCandidates,
    choices: Selections,
    calibration: LocalCalibration,
    reasons: Reasons,
) -> PickTable:
    """What the digests hold, with score, section, chance and its reasons. `own`: what the install learnt of chances."""
    at = selected_cells(choices)
    numbers = np.array([(paper.key, paper.revision) for paper in candidates.papers], dtype=np.int64).reshape(-1, 2)
    without_interests, explored = ranked.profiles.without_interests[at.rows], choices.explored[at.rows] == at.columns
    log_odds = ranked.log_odds[at.rows, at.columns]
    return PickTable(
        sizes=np.bincount(at.rows, minlength=len(choices)),
        paper=numbers[at.columns, 0],
        revision=numbers[at.columns, 1],
        score=ranked.total[at.rows, at.columns],
        section=np.where(explored, _DRAWN, np.where(without_interests, _TRENDING, _FOR_YOU)),
        reason=reasons.which,
        rank=_ranks(choices, at),
        chance=np.where(without_interests, np.nan, calibration.probabilities(log_odds)),
        prior=np.where(without_interests, np.nan, LocalCalibration().probabilities(log_odds)),
        propensity=np.where(explored, choices.propensity[at.rows], np.nan),
        team=np.zeros(len(at), dtype=np.int64),
        reasons=reasons.distinct,
    )


def _ranks(choices: Selections, at: Cells) -> Ints:
    """The places among the candidates, from 1; 0 for what is none."""
    width = choices.order.shape[1]
    places = np.empty(choices.order.size, dtype=np.intp)
    places[cells_along(choices.order, width)] = np.arange(1, width + 1)
    found = places[at.rows * width + at.columns]
    return np.where(found <= choices.counts[at.rows], found, 0)
