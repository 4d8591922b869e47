"""Diversity: not five papers on the same thing, and something for each interest.

Maximal marginal relevance (Carbonell & Goldstein 1998) over latent cosines, at most CROWD of one kind
while there is anything else, then each interest its share.
"""

from collections.abc import Sequence

import numpy as np

from digestd.ranking.arrays import Bools, Floats, Ints
from digestd.ranking.pool import Pool

TOP = 45
"""Candidates considered."""
SPREAD = 0.9
TWIN = 0.85
"""Latent cosine of two papers on the same thing."""
CROWD = 3
"""Papers on the same thing."""


def diversify(order: Ints, pool: Pool, totals: Floats, size: int) -> list[int]:
    """Choose up to `size` of the papers in `order` (best first), the best one first.

    Each next one is the greatest of SPREAD · score − (1 − SPREAD) · (cosine with the nearest chosen);
    scores are `totals` (m,) scaled to [0, 1] over the candidates. What has CROWD chosen twins comes last.
    """
    left = order[: max(TOP, size)]
    if size < 1 or not left.size:
        return []
    vectors = pool.encoded.dense[left]
    cosine = vectors @ vectors.T
    cost = np.float32(1 - SPREAD) * cosine
    twins = cosine > np.float32(TWIN)
    alone = (twins.sum(axis=1) <= 1).tolist()  # most are, and counting takes its time
    gain = np.float32(SPREAD) * _scaled(totals[left])
    nearest, crowd = np.zeros_like(gain), np.zeros(len(left), dtype=np.int8)
    chosen: list[int] = []
    for _ in range(min(size, len(left))):
        best = int((gain - nearest).argmax())
        chosen.append(best)
        gain[best] = -np.inf
        np.maximum(nearest, cost[best], out=nearest)
        if not alone[best]:
            crowd += twins[best]
            gain[crowd == CROWD] -= 2  # behind all that have none
            crowd[crowd == CROWD] = -100
    return [int(left[place]) for place in chosen]


def share_out(chosen: Sequence[int], order: Ints, met: Bools, keep: int = 0, reach: int | None = None) -> list[int]:
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


def _scaled(values: Floats) -> Floats:
    low, high = float(values.min()), float(values.max())
    scaled: Floats = (values - np.float32(low)) / np.float32(high - low or 1.0)
    return scaled
