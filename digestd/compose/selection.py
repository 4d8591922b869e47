"""What a block of digests holds: papers whose chance reaches the bar, and one that is drawn.

Arrays with a row a subscriber are in order of score here: column c is the paper `order[:, c]`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digestd.compose.diversification import EligiblePapers, diversify_selection
from digestd.compose.options import DigestOptions, RankedCandidates, Selections
from digestd.domain.subscriber import Bar
from digestd.ranking.arrays import Bools, Doubles, Floats, Ints, along
from digestd.ranking.calibration import MIN_SCORES, LocalCalibration
from digestd.ranking.candidates import CandidateSet

CARRY_OVER_PROBABILITY = MIN_SCORES[Bar.HIGH]
"""The chance of an older paper, that an earlier digest had no room for."""
CARRY_OVER_RELEVANCE = 0.5
"""The relevance of one to who asked for nothing in particular."""
EXPLORE_FROM, EXPLORE_TO = 20, 100
"""Ranks outside the usual."""
MIN_EXPLORE_SIZE = 5
"""The size from which a digest has room for what is drawn."""
MIN_EXPLORE_PROBABILITY = 0.02
"""The chance that a drawn paper needs."""


def select(
    candidates: CandidateSet, ranked: RankedCandidates, options: Sequence[DigestOptions], calibration: LocalCalibration
) -> Selections:
    """Up to the size of each; none where nothing is of any relevance. `own`: what the install learnt of chances.

    Candidates are new papers and older good ones. With candidates of any relevance there is at least one
    pick; if it is not the only one, all reach the bar. Papers by followed authors come first, whatever the bar,
    and are never cut for diversity.
    """
    order, counts = _by_score(ranked.open & (ranked.fresh | _carried_over(ranked, calibration)), ranked.total, options)
    above_minimum = _above_minimum(ranked, options, calibration)
    some = along(ranked.relevance > 0, order) & _within(counts, order.shape[1])
    above = EligiblePapers(order, some & along(above_minimum, order))
    outside = _explorable(
        ranked, options, calibration, order, _within(np.where(above.marks.any(axis=1), counts, 0), EXPLORE_TO)
    )
    sizes = np.array([asked.size for asked in options], dtype=np.intp) - outside.any(axis=1)
    chosen = diversify_selection(candidates, ranked, above, sizes)
    explored = _explore(order, outside, chosen, options)
    stuck = outside.any(axis=1) & (explored.papers < 0)
    if stuck.any():  # all that might be drawn was chosen anyway
        chosen = diversify_selection(candidates, ranked, above, sizes + stuck)
    return Selections(
        order, counts, above_minimum, _at_least_one(chosen, order, some), explored.papers, explored.propensity
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Exploration:
    """`papers` (n,): −1 where nothing was drawn; `propensity` (n,)."""

    papers: Ints
    propensity: Doubles


def _carried_over(ranked: RankedCandidates, calibration: LocalCalibration) -> Bools:
    """(n, m): what an earlier digest had no room for, and competes again until it is stale."""
    good: Bools = ranked.log_odds >= calibration.log_odds_for(CARRY_OVER_PROBABILITY)
    without_interests = ranked.profiles.without_interests
    good[without_interests] = ranked.relevance[without_interests] >= CARRY_OVER_RELEVANCE
    return good


def _above_minimum(ranked: RankedCandidates, options: Sequence[DigestOptions], calibration: LocalCalibration) -> Bools:
    """(n, m): the chance is that of the bar, or a followed author wrote it.

    Who asked for nothing has no bar, as the trend is their measure.
    """
    needed = {min_score: calibration.log_odds_for(chance) for min_score, chance in MIN_SCORES.items()}
    enough: Bools = (
        ranked.log_odds >= np.array([needed[asked.min_score] for asked in options], dtype=np.float32)[:, None]
    )
    enough[ranked.profiles.without_interests] = True
    followed = ranked.profiles.authors.cells
    enough[followed.rows, followed.columns] = True
    return enough


def _by_score(mask: Bools, total: Floats, options: Sequence[DigestOptions]) -> tuple[Ints, Ints]:
    """The papers from the best to the worst, candidates first; how many those are.

    Equals are a matter of luck, and NaN is no score.
    """
    mask &= total > -np.inf
    counts = mask.sum(axis=1)
    order = np.where(mask, -total, np.float32(np.inf)).argsort(axis=1)
    values = along(total, order)
    equal = (values[:, 1:] == values[:, :-1]) & _within(counts, order.shape[1])[:, 1:]
    for row in np.flatnonzero(equal.any(axis=1)).tolist():
        shuffled = np.random.default_rng(int(options[row].seed * 2**48)).permutation(np.flatnonzero(mask[row]))
        order[row, : counts[row]] = shuffled[np.argsort(-total[row, shuffled], kind="stable")]
    return order, counts


def _explorable(
    ranked: RankedCandidates, options: Sequence[DigestOptions], calibration: LocalCalibration, order: Ints, among: Bools
) -> Bools:
    """What may be drawn, of the first LAST: new papers of the ranks outside the usual, above a floor."""
    explores = np.array([asked.explore and asked.size >= MIN_EXPLORE_SIZE for asked in options], dtype=np.bool_)
    first = np.array([max(EXPLORE_FROM, asked.size + 1) for asked in options], dtype=np.intp) - 1
    order = order[:, :EXPLORE_TO]
    some = among[:, : order.shape[1]] & (np.arange(order.shape[1]) >= first[:, None])
    some &= (explores & ~ranked.profiles.without_interests)[:, None]
    found: Bools = (
        some
        & along(ranked.fresh, order)
        & (along(ranked.log_odds, order) >= calibration.log_odds_for(MIN_EXPLORE_PROBABILITY))
    )
    return found


def _explore(order: Ints, outside: Bools, chosen: Ints, options: Sequence[DigestOptions]) -> _Exploration:
    """One of those outside that were not chosen."""
    selected_cells = np.zeros(order.shape, dtype=np.bool_)
    rows, places = np.nonzero(chosen >= 0)
    selected_cells[rows, chosen[rows, places]] = True
    left = outside & ~along(selected_cells, order[:, : outside.shape[1]])
    counts = left.sum(axis=1)
    lots = (np.array([asked.seed for asked in options]) * counts).astype(np.intp)
    places = ((left.cumsum(axis=1) - 1 == lots[:, None]) & left).argmax(axis=1) if left.size else lots
    papers = np.full(len(order), -1, dtype=np.intp)
    some = counts > 0
    papers[some] = order[some, places[some]]
    return _Exploration(papers, 1 / np.maximum(counts, 1))


def _at_least_one(chosen: Ints, order: Ints, some: Bools) -> Ints:
    """Who has nothing above the bar gets the best of what is of any relevance."""
    alone = np.flatnonzero(some.any(axis=1) & ~(chosen >= 0).any(axis=1))
    if not alone.size:
        return chosen
    if not chosen.shape[1]:
        chosen = np.full((len(order), 1), -1, dtype=np.intp)
    chosen[alone, 0] = order[alone, some[alone].argmax(axis=1)]
    return chosen


def _within(counts: Ints, width: int) -> Bools:
    """The first so many of each row."""
    within: Bools = np.arange(width) < counts[:, None]
    return within
