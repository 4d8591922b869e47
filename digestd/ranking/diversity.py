"""Diversity: not five papers on the same thing, and something for each interest.

Maximal marginal relevance (Carbonell & Goldstein 1998) over latent cosines, at most CROWD of one kind
while there is anything else, then each interest its share.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from digestd.ranking.arrays import Bools, Floats, Ints

TOP = 45
"""Candidates considered."""
SPREAD = 0.9
TWIN = 0.85
"""Latent cosine of two papers on the same thing."""
CROWD = 3
"""Papers on the same thing."""
_OUT = -100
"""A crowd that can never be one again: nobody gets so many papers."""


@dataclass(frozen=True, slots=True, eq=False)
class PaperSimilarity:
    """How alike m papers are, by their `vectors` (m, d).

    One shard after the other asks for the same papers, so the latest answer is kept. This only saves time.
    """

    vectors: Floats
    _latest: list[tuple[Ints, Floats]] = field(default_factory=list)

    def among(self, papers: Ints) -> Floats:
        """The cosine of each of these (k,) with each of them: (k, k)."""
        for known, cosines in self._latest:
            if np.array_equal(known, papers):
                return cosines
        own = self.vectors[papers]
        cosines = own @ own.T
        self._latest[:] = [(papers, cosines)]
        return cosines


def diversify(papers: Ints, totals: Floats, similarity: PaperSimilarity, sizes: Ints) -> Ints:
    """Choose papers for n subscribers at once: places (n, s) in their candidates, −1 past the last one chosen.

    `papers` (n, w): the candidates of each, best first, of those whose `likeness` is known; −1 past the last.
    `totals` (n, w): their scores. Up to `sizes` (n,) are chosen, the best one first. Each next one is the greatest of
    SPREAD · score − (1 − SPREAD) · (cosine with the nearest chosen); scores are scaled to [0, 1] over the
    candidates. What has CROWD chosen twins comes last.
    """
    there = papers >= 0
    wanted = np.minimum(sizes, there.sum(axis=1))
    rows = np.arange(len(papers))
    chosen = np.full((len(papers), int(wanted.max(initial=0))), -1, dtype=np.intp)
    if not chosen.size:
        return chosen
    cosines = _cosines(papers, similarity)
    gain = np.where(there, np.float32(SPREAD) * _scaled(totals, there), np.float32(-np.inf))
    nearest, crowd = np.zeros_like(gain), np.zeros(gain.shape, dtype=np.int8)
    for n in range(chosen.shape[1]):
        best = (gain - nearest).argmax(axis=1)
        chosen[:, n] = np.where(n < wanted, best, -1)
        gain[rows, best] = -np.inf
        cosine = cosines(best)
        np.maximum(nearest, np.float32(1 - SPREAD) * cosine, out=nearest)
        crowd += cosine > np.float32(TWIN)
        full = crowd == CROWD
        gain[full] -= 2  # behind all that have none
        crowd[full] = _OUT
    return chosen


def rebalance(chosen: Sequence[int], order: Ints, met: Bools, keep: int = 0, reach: int | None = None) -> list[int]:
    """Give each interest its share of the places: a digest of ten with four topics is not ten papers on one.

    `order` (c,) are the worthy papers, best first, `met` (k, c) the interests that each meets. The share is
    the number of places by that of the interests that the first `reach` meet (all if None), rounded up. Before an
    interest has more than its share, each of the others has at least one place: who has none gets the best
    paper that meets it, in place of the worst chosen one whose interests can all spare it. The first `keep`
    of the chosen stay.
    """
    live = met[met[:, :reach].any(axis=1)]
    if len(live) < 2:
        return list(chosen)
    place = np.zeros(int(order.max(initial=0)) + 1, dtype=np.intp)
    place[order] = np.arange(len(order))
    mine = [int(place[j]) for j in chosen]
    best = live.argmax(axis=1)
    for row in np.argsort(best, kind="stable"):
        spared = None if live[row, mine].any() else _spared(live, mine, keep)
        if spared is not None:
            mine[spared] = int(best[row])
    return [int(order[n]) for n in mine]


def _spared(live: Bools, mine: Sequence[int], keep: int) -> int | None:
    """The last of the chosen that may go: one of an interest above its share, or of none."""
    counts = live[:, mine].sum(axis=1)
    share = -(-len(mine) // len(live))
    for n in reversed(range(keep, len(mine))):
        held = counts[live[:, mine[n]]]
        if held.min(initial=2) > 1 and held.max(initial=share + 1) > share:
            return n
    return None


def _cosines(papers: Ints, similarity: PaperSimilarity) -> Callable[[Ints], Floats]:
    """How to find the cosines (n, w) of one candidate of each, by its place (n,), with all of theirs.

    They are read off those of all that anybody has, or where these are so many that it is more work, made for
    each apart.
    """
    rows, (n, width) = np.arange(len(papers)), papers.shape
    here = np.zeros(len(similarity.vectors) + 1, dtype=np.bool_)
    here[papers + 1] = True
    used = np.flatnonzero(here) - 1
    if len(used) ** 2 > n * width**2:
        own = similarity.vectors[papers]
        apart: Floats = own @ own.transpose(0, 2, 1)
        return lambda best: apart[rows, best]
    which = (here.cumsum() - 1)[papers + 1]
    shared = similarity.among(used).ravel()
    return lambda best: shared.take(which[rows, best][:, None] * len(used) + which)


def _scaled(values: Floats, there: Bools) -> Floats:
    """Each row on its own, by the least and the greatest of what is there."""
    some = there.any(axis=1, keepdims=True)
    low = np.where(some, values, 0).min(axis=1, keepdims=True, initial=np.inf, where=there | ~some)
    high = np.where(some, values, 0).max(axis=1, keepdims=True, initial=-np.inf, where=there | ~some)
    span = (high.astype(np.float64) - low).astype(np.float32)
    scaled: Floats = ((values - low) / np.where(span > 0, span, np.float32(1))).astype(np.float32, copy=False)
    return scaled
