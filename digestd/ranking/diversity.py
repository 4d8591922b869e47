"""Diversity: not five papers on the same thing.

Maximal marginal relevance (Carbonell & Goldstein 1998) over latent cosines. At .9 it costs .002 in nDCG@10.
"""

from collections.abc import Sequence

import numpy as np

from digestd.ranking.arrays import Floats
from digestd.ranking.pool import Pool

TOP = 100
"""Candidates considered."""


def diversify(order: Sequence[int], pool: Pool, totals: Floats, size: int, spread: float = 0.9) -> list[int]:
    """Choose up to `size` of the papers in `order` (best first), the best one first.

    Each next one is the greatest of spread · score − (1 − spread) · (cosine with the nearest chosen);
    scores are `totals` (m,) scaled to [0, 1] over the candidates.
    """
    left = list(order[: max(TOP, size)])
    if not left:
        return []
    vectors = pool.encoded.dense[left]
    gain = spread * _scaled(totals[left])
    nearest = np.zeros(len(left), dtype=np.float32)
    chosen: list[int] = []
    for _ in range(min(size, len(left))):
        best = int(np.argmax(gain - (1 - spread) * nearest))
        chosen.append(left[best])
        gain[best] = -np.inf
        np.maximum(nearest, vectors @ vectors[best], out=nearest)
    return chosen


def _scaled(values: Floats) -> Floats:
    low, high = float(values.min()), float(values.max())
    scaled: Floats = (values - np.float32(low)) / np.float32(high - low or 1.0)
    return scaled
