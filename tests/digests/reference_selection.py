"""A slow reference implementation of the selection, for one subscriber at a time."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from digestd.digests.selection import (
    CARRY_OVER_PROBABILITY,
    CARRY_OVER_RELEVANCE,
    EXPLORE_FROM,
    EXPLORE_TO,
    MIN_EXPLORE_PROBABILITY,
    MIN_EXPLORE_SIZE,
    SLOT_REACH,
    DigestOptions,
    RankedCandidates,
)
from digestd.ranking.arrays import Bools, Ints
from digestd.ranking.calibration import MIN_SCORES, LocalCalibration
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.diversity import CROWD, SPREAD, TOP, TWIN, rebalance


class Selection(NamedTuple):
    """The selected papers of one subscriber."""

    order: Ints
    above_minimum: Bools
    chosen: list[int]
    explored: int = -1
    propensity: float = 1.0


class Reader:
    """One subscriber of a shard."""

    def __init__(
        self,
        candidates: CandidateSet,
        ranked: RankedCandidates,
        row: int,
        options: DigestOptions,
        own: LocalCalibration,
    ) -> None:
        self.candidates, self.profiles, self.row, self.options, self.own = (
            candidates,
            ranked.profiles,
            row,
            options,
            own,
        )
        self.total, self.relevance, self.log_odds = (a[row] for a in (ranked.total, ranked.relevance, ranked.log_odds))
        self.fresh, self.open = ranked.fresh[row], ranked.open[row]
        self.without_interests = bool(self.profiles.without_interests[row])

    def choice(self) -> Selection:
        """Return the selection."""
        order = self.order()
        some = [int(j) for j in order if self.relevance[j] > 0]
        above_minimum = self.above_minimum()
        above = [j for j in some if above_minimum[j]]
        if not above:
            return Selection(order, above_minimum, some[:1])
        outside = self.outside(order)
        if outside:
            chosen = self.spread(above, self.options.size - 1)
            left = [j for j in outside if j not in chosen]
            if left:
                explored = left[int(self.options.seed * len(left))]
                return Selection(order, above_minimum, chosen, explored, 1 / len(left))
        return Selection(order, above_minimum, self.spread(above, self.options.size))

    def order(self) -> Ints:
        """Return the candidates, best first; ties are shuffled."""
        enough = (
            self.relevance >= CARRY_OVER_RELEVANCE
            if self.without_interests
            else self.log_odds >= np.float32(self.own.log_odds_for(CARRY_OVER_PROBABILITY))
        )
        candidates = np.flatnonzero(self.open & (self.fresh | enough) & ~np.isnan(self.total))
        order: Ints = candidates[np.argsort(-self.total[candidates], kind="stable")]
        if len(set(self.total[order].tolist())) == len(order):
            return order
        shuffled = np.random.default_rng(int(self.options.seed * 2**48)).permutation(candidates)
        lucky: Ints = shuffled[np.argsort(-self.total[shuffled], kind="stable")]
        return lucky

    def above_minimum(self) -> Bools:
        """Return which papers reach the minimum score."""
        if self.without_interests:
            return np.ones(len(self.total), dtype=np.bool_)
        enough: Bools = self.log_odds >= np.float32(self.own.log_odds_for(MIN_SCORES[self.options.min_score]))
        enough[self.profiles.authors.cells.of(self.row)] = True
        return enough

    def outside(self, order: Ints) -> list[int]:
        """Return the papers that may be explored."""
        if not self.options.explore or self.options.size < MIN_EXPLORE_SIZE or self.without_interests:
            return []
        ranks = order[max(EXPLORE_FROM, self.options.size + 1) - 1 : EXPLORE_TO]
        return [
            int(j)
            for j in ranks
            if self.fresh[j] and self.log_odds[j] >= np.float32(self.own.log_odds_for(MIN_EXPLORE_PROBABILITY))
        ]

    def spread(self, above: Sequence[int], size: int) -> list[int]:
        """Diversify the papers above the minimum score."""
        mine = self.profiles.authors.cells.of(self.row).tolist()
        followed = [j for j in above if j in mine][:size]
        chosen = followed + self.varied([j for j in above if j not in followed], size - len(followed))
        reach = int(SLOT_REACH * size) if self.profiles.feedback.likes.sizes[self.row] else None
        order = np.array(above, dtype=np.intp)
        return rebalance(chosen, order, self.met()[:, order], len(followed), reach)

    def varied(self, papers: Sequence[int], size: int) -> list[int]:
        """Select by maximal marginal relevance, one paper at a time."""
        left = list(papers[: max(TOP, size)])
        low, high = min(self.total[left], default=0), max(self.total[left], default=0)
        worth = {j: SPREAD * (self.total[j] - low) / ((high - low) or 1) for j in left}
        cosine = self.candidates.encoded.dense @ self.candidates.encoded.dense.T
        chosen: list[int] = []
        while left and len(chosen) < size:
            near = {j: [float(cosine[j, k]) for k in chosen] for j in left}
            crowded = {j: sum(cosine > TWIN for cosine in near[j]) >= CROWD for j in left}
            gain = [worth[j] - 2 * crowded[j] - (1 - SPREAD) * max([0.0, *near[j]]) for j in left]
            chosen.append(left.pop(int(np.argmax(gain))))
        return chosen

    def met(self) -> Bools:
        """Return which papers match which interests."""
        topics = self.profiles.topics
        start = int(topics.of.starts[self.row])
        own = range(start, start + int(topics.of.sizes[self.row]))
        rows = [np.isin(np.arange(len(self.candidates)), topics.subjects.about.of(topic)) for topic in own]
        for kind in (self.profiles.phrases, self.profiles.authors, self.profiles.categories):
            named = np.flatnonzero(kind.owner == self.row).tolist()
            rows += [np.isin(np.arange(len(self.candidates)), kind.found.of(thing)) for thing in named]
        return np.array(rows, dtype=np.bool_).reshape(len(rows), len(self.candidates))
