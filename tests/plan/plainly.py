"""Composing as it is described, for one subscriber at a time: what composing many at once is held against."""

from collections.abc import Sequence

import numpy as np

from digestd.compose import Choice, Ranked, Terms
from digestd.compose.choosing import FIRST, FLOOR, GOOD, LAST, POPULAR, ROOMY
from digestd.compose.spread import REACH
from digestd.ranking.arrays import Bools, Ints
from digestd.ranking.calibration import BARS, Own
from digestd.ranking.diversity import CROWD, SPREAD, TOP, TWIN, share_out
from digestd.ranking.interests import MOST
from digestd.ranking.pool import Pool


class Reader:
    """One subscriber of a block."""

    def __init__(self, pool: Pool, ranked: Ranked, row: int, terms: Terms, own: Own) -> None:
        self.pool, self.profiles, self.row, self.terms, self.own = pool, ranked.profiles, row, terms, own
        self.total, self.relevance, self.odds = (a[row] for a in (ranked.total, ranked.relevance, ranked.odds))
        self.fresh, self.open = ranked.fresh[row], ranked.open[row]
        self.plain = bool(self.profiles.plain[row])

    def choice(self) -> Choice:
        """What the digest holds."""
        order = self.order()
        some = [int(j) for j in order if self.relevance[j] > 0]
        worthy = self.worthy()
        above = [j for j in some if worthy[j]]
        if not above:
            return Choice(order, worthy, tuple(some[:1]))
        outside = self.outside(order)
        if outside:
            chosen = self.spread(above, self.terms.size - 1)
            left = [j for j in outside if j not in chosen]
            if left:
                drawn = left[int(self.terms.luck * len(left))]
                return Choice(order, worthy, tuple(chosen), drawn, 1 / len(left))
        return Choice(order, worthy, tuple(self.spread(above, self.terms.size)))

    def order(self) -> Ints:
        """The candidates, best first; luck decides between equals."""
        enough = self.relevance >= POPULAR if self.plain else self.odds >= np.float32(self.own.needs(GOOD))
        candidates = np.flatnonzero(self.open & (self.fresh | enough) & ~np.isnan(self.total))
        order: Ints = candidates[np.argsort(-self.total[candidates], kind="stable")]
        if len(set(self.total[order].tolist())) == len(order):
            return order
        shuffled = np.random.default_rng(int(self.terms.luck * 2**48)).permutation(candidates)
        lucky: Ints = shuffled[np.argsort(-self.total[shuffled], kind="stable")]
        return lucky

    def worthy(self) -> Bools:
        """What reaches the bar."""
        if self.plain:
            return np.ones(len(self.total), dtype=np.bool_)
        enough: Bools = self.odds >= np.float32(self.own.needs(BARS[self.terms.bar]))
        enough[self.profiles.authors.cells.of(self.row)] = True
        return enough

    def outside(self, order: Ints) -> list[int]:
        """What may be drawn."""
        if not self.terms.explore or self.terms.size < ROOMY or self.plain:
            return []
        ranks = order[max(FIRST, self.terms.size + 1) - 1 : LAST]
        return [int(j) for j in ranks if self.fresh[j] and self.odds[j] >= np.float32(self.own.needs(FLOOR))]

    def spread(self, above: Sequence[int], size: int) -> list[int]:
        """What is chosen of the worthy papers."""
        mine = self.profiles.authors.cells.of(self.row).tolist()
        followed = [j for j in above if j in mine][:size]
        chosen = followed + self.varied([j for j in above if j not in followed], size - len(followed))
        reach = int(REACH * size) if self.profiles.tastes.likes.sizes[self.row] else None
        order = np.array(above, dtype=np.intp)
        return share_out(chosen, order, self.met()[:, order], len(followed), reach)

    def varied(self, papers: Sequence[int], size: int) -> list[int]:
        """Maximal marginal relevance, one paper after the other."""
        left = list(papers[: max(TOP, size)])
        low, high = min(self.total[left], default=0), max(self.total[left], default=0)
        worth = {j: SPREAD * (self.total[j] - low) / ((high - low) or 1) for j in left}
        cosine = self.pool.encoded.dense @ self.pool.encoded.dense.T
        chosen: list[int] = []
        while left and len(chosen) < size:
            near = {j: [float(cosine[j, k]) for k in chosen] for j in left}
            crowded = {j: sum(cosine > TWIN for cosine in near[j]) >= CROWD for j in left}
            gain = [worth[j] - 2 * crowded[j] - (1 - SPREAD) * max([0.0, *near[j]]) for j in left]
            chosen.append(left.pop(int(np.argmax(gain))))
        return chosen

    def met(self) -> Bools:
        """Which papers meet which of the interests."""
        topics = self.profiles.topics
        start = int(topics.of.starts[self.row])
        rows = list(topics.covered[start : start + int(topics.of.sizes[self.row])] >= np.float32(MOST))
        for kind in (self.profiles.phrases, self.profiles.authors, self.profiles.categories):
            own = np.flatnonzero(kind.owner == self.row).tolist()
            rows += [np.isin(np.arange(len(self.pool)), kind.found.of(thing)) for thing in own]
        return np.array(rows, dtype=np.bool_).reshape(len(rows), len(self.pool))
