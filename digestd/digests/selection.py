"""Select papers above the minimum score, and one exploration paper.

Arrays with one row per subscriber are sorted by score here: column c is the paper `order[:, c]`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digestd.digests.diversification import EligiblePapers, diversify_selection
from digestd.digests.selection_options import DigestOptions, RankedCandidates, Selections
from digestd.domain.subscriber import MinScore
from digestd.ranking.arrays import Bools, Doubles, Floats, Ints, along
from digestd.ranking.calibration import MIN_SCORES, LocalCalibration
from digestd.ranking.candidates import CandidateSet

CARRY_OVER_PROBABILITY = MIN_SCORES[MinScore.HIGH]
"""Minimum probability of an older paper that did not fit into an earlier digest."""
CARRY_OVER_RELEVANCE = 0.5
"""The same as relevance, for subscribers without interests."""
EXPLORE_FROM, EXPLORE_TO = 20, 100
"""Ranks from which exploration papers are drawn."""
MIN_EXPLORE_SIZE = 5
"""Digest size from which there is an exploration slot."""
MIN_EXPLORE_PROBABILITY = 0.02
"""Minimum probability of an exploration paper."""


def select(
    candidates: CandidateSet, ranked: RankedCandidates, options: Sequence[DigestOptions], calibration: LocalCalibration
) -> Selections:
    """Select up to `size` papers for each subscriber; none if no paper is relevant.

    Candidates are new papers and good older ones. If any candidate is relevant, there is at least one pick; if there
    are several, all reach the minimum score. Papers by followed authors come first regardless of their score and are
    never dropped for diversity. `calibration`: fitted to the install's own feedback.
    """
    order, counts = _by_score(ranked.open & (ranked.fresh | _carried_over(ranked, calibration)), ranked.total, options)
    above_minimum = _above_minimum(ranked, options, calibration)
    relevant = along(ranked.relevance > 0, order) & _within(counts, order.shape[1])
    eligible = EligiblePapers(order, relevant & along(above_minimum, order))
    explorable = _explorable(
        ranked, options, calibration, order, _within(np.where(eligible.marks.any(axis=1), counts, 0), EXPLORE_TO)
    )
    sizes = np.array([each.size for each in options], dtype=np.intp) - explorable.any(axis=1)
    chosen = diversify_selection(candidates, ranked, eligible, sizes)
    explored = _explore(order, explorable, chosen, options)
    exhausted = explorable.any(axis=1) & (explored.papers < 0)
    if exhausted.any():  # all explorable papers were chosen anyway
        chosen = diversify_selection(candidates, ranked, eligible, sizes + exhausted)
    return Selections(
        order, counts, above_minimum, _at_least_one(chosen, order, relevant), explored.papers, explored.propensity
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Exploration:
    """`papers` (n,): −1 if none was drawn; `propensity` (n,)."""

    papers: Ints
    propensity: Doubles


def _carried_over(ranked: RankedCandidates, calibration: LocalCalibration) -> Bools:
    """Return the papers (n, m) that did not fit into an earlier digest and may still be picked."""
    good: Bools = ranked.log_odds >= calibration.log_odds_for(CARRY_OVER_PROBABILITY)
    without_interests = ranked.profiles.without_interests
    good[without_interests] = ranked.relevance[without_interests] >= CARRY_OVER_RELEVANCE
    return good


def _above_minimum(ranked: RankedCandidates, options: Sequence[DigestOptions], calibration: LocalCalibration) -> Bools:
    """Return the papers (n, m) that reach the minimum score or are by a followed author.

    Subscribers without interests have no minimum: they get what is trending.
    """
    needed = {min_score: calibration.log_odds_for(probability) for min_score, probability in MIN_SCORES.items()}
    enough: Bools = ranked.log_odds >= np.array([needed[each.min_score] for each in options], dtype=np.float32)[:, None]
    enough[ranked.profiles.without_interests] = True
    followed = ranked.profiles.authors.cells
    enough[followed.rows, followed.columns] = True
    return enough


def _by_score(mask: Bools, total: Floats, options: Sequence[DigestOptions]) -> tuple[Ints, Ints]:
    """Sort papers by score, candidates first, and count candidates.

    Ties are shuffled; NaN is no score.
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
    """Return which of the first EXPLORE_TO ranks may be drawn: new, below the usual ranks, not improbable."""
    explores = np.array([each.explore and each.size >= MIN_EXPLORE_SIZE for each in options], dtype=np.bool_)
    first = np.array([max(EXPLORE_FROM, each.size + 1) for each in options], dtype=np.intp) - 1
    order = order[:, :EXPLORE_TO]
    relevant = among[:, : order.shape[1]] & (np.arange(order.shape[1]) >= first[:, None])
    relevant &= (explores & ~ranked.profiles.without_interests)[:, None]
    found: Bools = (
        relevant
        & along(ranked.fresh, order)
        & (along(ranked.log_odds, order) >= calibration.log_odds_for(MIN_EXPLORE_PROBABILITY))
    )
    return found


def _explore(order: Ints, explorable: Bools, chosen: Ints, options: Sequence[DigestOptions]) -> _Exploration:
    """Draw one explorable paper that was not chosen."""
    is_chosen = np.zeros(order.shape, dtype=np.bool_)
    rows, places = np.nonzero(chosen >= 0)
    is_chosen[rows, chosen[rows, places]] = True
    remaining = explorable & ~along(is_chosen, order[:, : explorable.shape[1]])
    counts = remaining.sum(axis=1)
    drawn_index = (np.array([each.seed for each in options]) * counts).astype(np.intp)
    places = (
        ((remaining.cumsum(axis=1) - 1 == drawn_index[:, None]) & remaining).argmax(axis=1)
        if remaining.size
        else drawn_index
    )
    papers = np.full(len(order), -1, dtype=np.intp)
    relevant = counts > 0
    papers[relevant] = order[relevant, places[relevant]]
    return _Exploration(papers, 1 / np.maximum(counts, 1))


def _at_least_one(chosen: Ints, order: Ints, relevant: Bools) -> Ints:
    """Give subscribers with nothing above the minimum the best relevant paper."""
    alone = np.flatnonzero(relevant.any(axis=1) & ~(chosen >= 0).any(axis=1))
    if not alone.size:
        return chosen
    if not chosen.shape[1]:
        chosen = np.full((len(order), 1), -1, dtype=np.intp)
    chosen[alone, 0] = order[alone, relevant[alone].argmax(axis=1)]
    return chosen


def _within(counts: Ints, width: int) -> Bools:
    """Return a mask of the first `counts` columns of each row."""
    within: Bools = np.arange(width) < counts[:, None]
    return within
