"""Select the papers of each digest: those that match, diversified, then what else was asked for, then near ones.

`select` gives followed authors the first places, then prefers variety, then gives every interest a slot. The best of
the collections that a subscriber named fill what is left. Digests that would be nearly empty get the papers nearest to
the minimum score as well. Whoever named nothing gets what is trending, after what is close to papers that they liked by
a click. `build_picks` turns the result into the picks of a shard of digests.

Arrays with one row per subscriber are sorted by score here: column c is the paper `order[:, c]`.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from digestd.domain.digest import Pick, ReasonKind, Section
from digestd.domain.subscriber import MinScore
from digestd.ranking.arrays import Bools, Cells, Doubles, Floats, Ints, along, cells_along, marked
from digestd.ranking.calibration import MIN_SCORES, NEAR_SCORES, LocalCalibration
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.diversity import TOP, diversify, rebalance
from digestd.ranking.profile import Profiles, match_interests
from digestd.ranking.reasons import Reasons, near_reasons

CARRY_OVER_PROBABILITY = MIN_SCORES[MinScore.HIGH]
"""Minimum probability of an older paper that did not fit into an earlier digest."""
CARRY_OVER_VOTES = 10
"""Its minimum votes, for subscribers who named nothing."""
NEAR_UP_TO = 3
"""Digests with fewer picks above the minimum score get near ones, up to so many in all."""
_SECTIONS = (Section.FOR_YOU, Section.TRENDING)
_SCORE_DECIMALS = 3
"""Scores are kept to so many decimals: the others made a sixth of a digest's picks."""
_SHARE_PARTS = 10_000
"""Probabilities are kept to so many parts."""


@dataclass(frozen=True, slots=True, eq=False)
class RankedCandidates:
    """n subscribers × m candidates.

    Attributes:
        fresh: First seen since the last digest.
        open: Selectable: in the window, not sent before, not muted.
        log_odds: Log odds of a like by the shipped calibration.
    """

    profiles: Profiles
    total: Floats
    relevance: Floats
    fresh: Bools
    open: Bools
    log_odds: Floats


class DigestOptions(NamedTuple):
    """Up to `size` papers above the minimum score.

    `seed` in [0, 1) orders ties; see `sampling_seed`. A first digest has the nearest papers if none is near.
    """

    size: int
    min_score: MinScore = MinScore.NORMAL
    seed: float = 0.0
    is_first: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Selections:
    """The selected papers of n subscribers.

    Attributes:
        order, counts: (n, m) papers, best first, of which the first (n,) are candidates.
        matching: (n, m) matches an interest, see `matches`.
        above_minimum: (n, m) matches, or is in a named collection, see `above_minimum`.
        chosen: (n, s) of those above the minimum, matching ones first, best first, −1 past the last.
        near: (n, up to NEAR_UP_TO) of those below it, best first, −1 past the last.
        trending: (n, t) of subscribers who named nothing, most votes first, −1 past the last.
    """

    order: Ints
    counts: Ints
    matching: Bools
    above_minimum: Bools
    chosen: Ints
    near: Ints
    trending: Ints

    def __len__(self) -> int:
        return len(self.order)

    def chosen_by(self, row: int) -> list[int]:
        """Return the papers of a subscriber above the minimum score, best first."""
        found: list[int] = self.chosen[row][self.chosen[row] >= 0].tolist()
        return found

    def ranking(self, row: int) -> Ints:
        """Return the candidates of a subscriber, best first."""
        return self.order[row, : self.counts[row]]

    def rank(self, row: int, j: int) -> int | None:
        """Return the rank of paper j among the candidates, from 1; None if it is not a candidate."""
        found = np.flatnonzero(self.ranking(row) == j)
        return int(found[0]) + 1 if found.size else None


def sampling_seed(subscriber: int, period: str) -> float:
    """Return a number in [0, 1) derived from subscriber and period.

    A selection can thus be repeated.
    """
    digest = hashlib.blake2b(f"{subscriber}|{period}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


def select(
    candidates: CandidateSet, ranked: RankedCandidates, options: Sequence[DigestOptions], calibration: LocalCalibration
) -> Selections:
    """Select up to `size` papers for each subscriber; none if no paper is near.

    Candidates are new papers and good older ones. Papers by followed authors come first regardless of their score and
    are never dropped for diversity. `calibration`: fitted to the install's own feedback.
    """
    among = ranked.open & (ranked.fresh | _carried_over(candidates, ranked, calibration))
    totals = np.where(ranked.profiles.without_interests[:, None], -candidates.trending_ranks, ranked.total)
    order, counts = _by_score(among, totals, options)
    matching, enough = matches(ranked, options, calibration), above_minimum(ranked, options, calibration)
    fitting, eligible = (
        EligiblePapers(order, along(some, order) & _within(counts, order.shape[1])) for some in (matching, enough)
    )
    sizes = np.array([each.size for each in options], dtype=np.intp)
    chosen = diversify_selection(candidates, ranked, fitting, sizes)
    if len(ranked.profiles.collections.cells):
        kept = (chosen >= 0).sum(axis=1)
        others = EligiblePapers(order, eligible.marks & ~fitting.marks & (kept < sizes)[:, None])
        chosen = _concatenated(chosen, kept, diversify_selection(candidates, ranked, others, sizes - kept))
    near = _near(ranked, options, calibration, eligible, counts, (chosen >= 0).sum(axis=1))
    trending = _trending(candidates, ranked.profiles, among, np.column_stack([chosen, near]), sizes)
    return Selections(order, counts, matching, enough, chosen, near, trending)


def build_picks(
    candidates: CandidateSet,
    ranked: RankedCandidates,
    selections: Selections,
    calibration: LocalCalibration,
    reasons: Reasons,
) -> list[tuple[Pick, ...]]:
    """Return the picks of each digest, best first, with score, section, probability and reason."""
    selected = selected_cells(selections)
    rows, columns = selected.rows, selected.columns
    is_trending = (selections.trending[rows] == columns[:, None]).any(axis=1)
    near = (selections.near[rows] == columns[:, None]).any(axis=1)
    log_odds = np.where(near | selections.matching[rows, columns], ranked.log_odds[rows, columns], np.nan)
    papers = [candidates.papers[column] for column in columns.tolist()]
    picks = list(
        map(
            Pick,
            [paper.key for paper in papers],
            [paper.revision for paper in papers],
            ranked.total[rows, columns].astype(np.float64).round(_SCORE_DECIMALS).tolist(),
            [_SECTIONS[section] for section in is_trending.tolist()],
            [reasons.distinct[number] for number in reasons.which.tolist()],
            [rank or None for rank in _candidate_ranks(selections, selected).tolist()],
            _shares(calibration.probabilities(log_odds)),
            _shares(LocalCalibration().probabilities(log_odds)),
        )
    )
    claimed = [picks[k].reason for k in np.flatnonzero(near).tolist()]
    honest = near_reasons(ranked.profiles, Cells(rows[near], columns[near]), claimed)
    for k, why in zip(np.flatnonzero(near).tolist(), honest, strict=True):
        is_near = why.kind not in (ReasonKind.NEW, ReasonKind.TREND)  # authors and categories have nothing near them
        picks[k] = picks[k]._replace(section=Section.NEAR if is_near else Section.TRENDING, reason=why)
    ends = np.cumsum(np.bincount(rows, minlength=len(selections))).tolist()
    return [tuple(picks[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


def _shares(probabilities: Doubles) -> list[float | None]:
    """Return probabilities to four decimals; None for NaN."""
    return [None if parts is None else parts / _SHARE_PARTS for parts in _known(np.rint(probabilities * _SHARE_PARTS))]


def _known(values: Doubles) -> list[float | None]:
    """Return the values; None for NaN."""
    return [None if math.isnan(value) else value for value in values.tolist()]


def selected_cells(selections: Selections) -> Cells:
    """Return the selected (subscriber, paper) cells in digest order."""
    cells = np.column_stack([selections.chosen, selections.near, selections.trending])
    there = cells >= 0
    return Cells(marked(there).rows, cells[there])


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
    """Choose up to `sizes` (n,) eligible papers, best first.

    Return positions (n, s), −1 past the last.
    """
    followed = _followed(ranked, eligible)
    first = first_marked(followed, sizes)
    kept = (first >= 0).sum(axis=1)
    others = first_marked(eligible.marks & ~followed, np.maximum(TOP, sizes - kept))
    papers = _papers(eligible.order, others)
    totals = along(ranked.total, papers)
    varied = diversify(papers, totals, candidates.similarity, sizes - kept)
    chosen = _concatenated(_papers(eligible.order, first), kept, _papers(papers, varied))
    return _rebalance(ranked, eligible, chosen, kept)


def first_marked(marks: Bools, limits: Ints) -> Ints:
    """Return the columns of the first marks of each row, up to `limits` (n,).

    The shape is (n, w), −1 past the last.
    """
    wanted = marked(marks & (marks.cumsum(axis=1) <= limits[:, None]))
    counts = np.bincount(wanted.rows, minlength=len(marks))
    found = np.full((len(marks), int(counts.max(initial=0))), -1, dtype=np.intp)
    within = np.arange(len(wanted)) - (np.cumsum(counts) - counts)[wanted.rows]
    found[wanted.rows, within] = wanted.columns
    return found


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


def _carried_over(candidates: CandidateSet, ranked: RankedCandidates, calibration: LocalCalibration) -> Bools:
    """Return the papers (n, m) that did not fit earlier and may still be picked."""
    good: Bools = ranked.log_odds >= calibration.log_odds_for(CARRY_OVER_PROBABILITY)
    good[ranked.profiles.without_interests] = False
    good |= ranked.profiles.named_nothing[:, None] & (candidates.weighted_votes >= CARRY_OVER_VOTES)
    return good


def matches(ranked: RankedCandidates, options: Sequence[DigestOptions], calibration: LocalCalibration) -> Bools:
    """Return the papers (n, m) that reach the minimum score, carry a named phrase or are by a followed author.

    Nothing matches for subscribers without interests.
    """
    enough: Bools = ranked.log_odds >= _least(MIN_SCORES, options, calibration)[:, None]
    for named in (ranked.profiles.authors, ranked.profiles.phrases):
        enough[named.cells.rows, named.cells.columns] = True
    return enough & (ranked.relevance > 0) & ~ranked.profiles.without_interests[:, None]


def above_minimum(ranked: RankedCandidates, options: Sequence[DigestOptions], calibration: LocalCalibration) -> Bools:
    """Return the papers (n, m) that match or are in a named collection."""
    enough, named = matches(ranked, options, calibration), ranked.profiles.collections.cells
    enough[named.rows, named.columns] = True
    return enough


def _least(scores: Mapping[MinScore, float], options: Sequence[DigestOptions], calibration: LocalCalibration) -> Floats:
    """Return the log odds (n,) that the probability of each subscriber's setting stands for."""
    needed = {min_score: calibration.log_odds_for(probability) for min_score, probability in scores.items()}
    return np.array([needed[each.min_score] for each in options], dtype=np.float32)


def _near(
    ranked: RankedCandidates,
    options: Sequence[DigestOptions],
    calibration: LocalCalibration,
    eligible: "EligiblePapers",
    counts: Ints,
    chosen: Ints,
) -> Ints:
    """Return the near papers (n, w) of digests with few `chosen` (n,) ones, most likely first, −1 past the last."""
    places = np.minimum(NEAR_UP_TO, [each.size for each in options]) - chosen
    places[ranked.profiles.without_interests] = 0
    rows = np.flatnonzero(places > 0)
    order, floors = eligible.order[rows], _least(NEAR_SCORES, options, calibration)[rows]
    below = _within(counts[rows], order.shape[1]) & ~eligible.marks[rows]
    chances = np.where(below, along(ranked.log_odds[rows], order), -np.inf)
    by_chance = np.argsort(-chances, axis=1, kind="stable")
    order, below, chances = along(order, by_chance), along(below, by_chance), along(chances, by_chance)
    marks = below & (chances >= floors[:, None])
    is_empty = np.array([options[row].is_first for row in rows.tolist()], dtype=np.bool_) & (chosen[rows] == 0)
    is_empty &= ~marks.any(axis=1)
    marks[is_empty] = below[is_empty]
    found = _papers(order, first_marked(marks, np.where(is_empty, 1, places[rows])))
    near = np.full((len(places), found.shape[1]), -1, dtype=np.intp)
    near[rows] = found
    return near


def _trending(candidates: CandidateSet, profiles: Profiles, among: Bools, taken: Ints, sizes: Ints) -> Ints:
    """Return what is trending (n, t) of papers (n, m) for those who named nothing, after the `taken` (n, k) ones."""
    named_nothing = np.flatnonzero(profiles.named_nothing)
    free, is_taken = among[named_nothing], taken[named_nothing] >= 0
    rows, places = np.nonzero(is_taken)
    free[rows, taken[named_nothing[rows], places]] = False
    order = np.argsort(candidates.trending_ranks)
    found = first_marked(free[:, order], sizes[named_nothing] - is_taken.sum(axis=1))
    trending = np.full((len(profiles), found.shape[1]), -1, dtype=np.intp)
    trending[named_nothing] = np.where(found >= 0, order[found], -1)
    return trending


def _within(counts: Ints, width: int) -> Bools:
    within: Bools = np.arange(width) < counts[:, None]
    return within


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


def _concatenated(first: Ints, kept: Ints, then: Ints) -> Ints:
    """Concatenate, for each row, the first `kept` (n,) papers and the following ones."""
    if not first.shape[1]:
        return then
    out = np.full((len(first), first.shape[1] + then.shape[1]), -1, dtype=np.intp)
    out[:, : first.shape[1]] = first
    rows, places = np.nonzero(then >= 0)
    out[rows, kept[rows] + places] = then[rows, places]
    return out


def _rebalance(ranked: RankedCandidates, eligible: EligiblePapers, chosen: Ints, kept: Ints) -> Ints:
    """Give every interest a place.

    Only subscribers with an interest left out are processed one by one.
    """
    interests = match_interests(ranked.profiles, eligible.marks.shape[1])
    live = (interests.by & eligible.by_position(eligible.marks)[interests.owner]).any(axis=1)
    selected_cells = np.zeros_like(eligible.marks)
    rows, places = np.nonzero(chosen >= 0)
    selected_cells[rows, chosen[rows, places]] = True
    left_out = live & ~(interests.by & selected_cells[interests.owner]).any(axis=1)
    several = np.bincount(interests.owner[live], minlength=len(chosen)) > 1
    for row in np.flatnonzero(several & (np.bincount(interests.owner[left_out], minlength=len(chosen)) > 0)).tolist():
        order = eligible.order[row, eligible.marks[row]]
        matches = interests.by[interests.owner == row][:, order]
        rebalanced = rebalance(chosen[row, chosen[row] >= 0].tolist(), order, matches, int(kept[row]))
        chosen[row, : len(rebalanced)] = rebalanced
    return chosen


def _candidate_ranks(selections: Selections, selected: Cells) -> Ints:
    """Return the ranks among the candidates, from 1; 0 for other papers."""
    width = selections.order.shape[1]
    places = np.empty(selections.order.size, dtype=np.intp)
    places[cells_along(selections.order, width)] = np.arange(1, width + 1)
    found = places[selected.rows * width + selected.columns]
    return np.where(found <= selections.counts[selected.rows], found, 0)
