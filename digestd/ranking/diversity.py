"""Diversify picks; every interest gets one slot.

Maximal marginal relevance (Carbonell & Goldstein 1998) over LSA cosines, at most CROWD near-duplicates while there is
anything else, then a share of the slots for each interest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from digestd.ranking.arrays import Bools, Floats, Ints

TOP = 45
"""Candidates considered."""
SPREAD = 0.9
"""λ of maximal marginal relevance; .9 costs .002 nDCG@10, .7 costs .013."""
TWIN = 0.85
"""LSA cosine of near-duplicates."""
CROWD = 3
"""Maximum number of near-duplicates."""
_OUT = -100
"""A count that never reaches CROWD again."""


@dataclass(frozen=True, slots=True, eq=False)
class PaperSimilarity:
    """LSA cosines between m papers, from their `vectors` (m, d).

    The last answer is cached for the next shard.
    """

    vectors: Floats
    _latest: list[tuple[Ints, Floats]] = field(default_factory=list)

    def among(self, papers: Ints) -> Floats:
        """Return the cosines between these papers: (k, k)."""
        for known, cosines in self._latest:
            if np.array_equal(known, papers):
                return cosines
        own = self.vectors[papers]
        cosines = own @ own.T
        self._latest[:] = [(papers, cosines)]
        return cosines


def diversify(papers: Ints, totals: Floats, similarity: PaperSimilarity, sizes: Ints) -> Ints:
    """Choose papers for n subscribers at once by maximal marginal relevance.

    Each next paper maximises SPREAD · score − (1 − SPREAD) · (cosine with the nearest chosen paper), with scores
    scaled to [0, 1] over the candidates. Papers with CROWD near-duplicates among the chosen come last.

    Args:
        papers: (n, w) candidates of each subscriber, best first, −1 past the last.
        totals: (n, w) their scores.
        similarity: LSA cosines of the papers.
        sizes: (n,) maximum number of papers.

    Returns:
        (n, s) columns of `papers`, best first, −1 past the last.
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
        gain[full] -= 2  # behind all papers without near-duplicates
        crowd[full] = _OUT
    return chosen


def rebalance(chosen: Sequence[int], order: Ints, matches: Bools, keep: int = 0) -> list[int]:
    """Give every interest one place before any interest gets more than its share.

    An interest's share is the number of places divided by the number of interests that are matched, rounded up. An
    interest without a place takes that of the worst chosen paper whose interests can all spare it.

    Args:
        chosen: Papers chosen so far, best first; the first `keep` of them stay.
        order: (c,) eligible papers, best first.
        matches: (k, c) the papers that match each interest.
    """
    live = matches[matches.any(axis=1)]
    if len(live) < 2:
        return list(chosen)
    place = np.zeros(int(order.max(initial=0)) + 1, dtype=np.intp)
    place[order] = np.arange(len(order))
    chosen_places = [int(place[j]) for j in chosen]
    best = live.argmax(axis=1)
    for row in np.argsort(best, kind="stable"):
        spared = None if live[row, chosen_places].any() else _spared(live, chosen_places, keep)
        if spared is not None:
            chosen_places[spared] = int(best[row])
    return [int(order[n]) for n in chosen_places]


def _spared(live: Bools, chosen_places: Sequence[int], keep: int) -> int | None:
    """Return the last chosen paper of an interest above its share, or of none: it can go."""
    counts = live[:, chosen_places].sum(axis=1)
    share = -(-len(chosen_places) // len(live))
    for n in reversed(range(keep, len(chosen_places))):
        held = counts[live[:, chosen_places[n]]]
        if held.min(initial=2) > 1 and held.max(initial=share + 1) > share:
            return n
    return None


def _cosines(papers: Ints, similarity: PaperSimilarity) -> Callable[[Ints], Floats]:
    """Return a function that gives the cosines of one candidate.

    (n, w) with all papers of each subscriber.

    Cosines are looked up in one shared table, or computed per subscriber if that table would be larger.
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
    """Scale each row to [0, 1] over the entries that exist."""
    some = there.any(axis=1, keepdims=True)
    low = np.where(some, values, 0).min(axis=1, keepdims=True, initial=np.inf, where=there | ~some)
    high = np.where(some, values, 0).max(axis=1, keepdims=True, initial=-np.inf, where=there | ~some)
    span = (high.astype(np.float64) - low).astype(np.float32)
    scaled: Floats = ((values - low) / np.where(span > 0, span, np.float32(1))).astype(np.float32, copy=False)
    return scaled
