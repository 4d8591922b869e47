"""Kernel ridge regression on likes and dislikes, given the shared negative prior.

`negative_prior` has conditioned on the shared negative examples, so a subscriber with k papers needs only a
k × k system. Half of the total weight is on the likes. Of the other half, dislikes get 85 % if there are at least
five, else 20 %: learning from likes against a handful of dislikes alone measured .33 instead of .50 in nDCG@10.
"""

from collections.abc import Sequence

import numpy as np

from digestd.ranking.arrays import Columns, Doubles, Floats, stacked
from digestd.ranking.negative_prior import RIDGE, NegativePrior
from digestd.ranking.seeds import EncodedSeed

FEW = 12
"""Up to this many seeds, a dense loop is faster than setting up a sparse product (73 µs against 280 µs for five)."""
MASS = 150.0
"""Total weight of the negative examples: 300 texts at C = ½."""


def dual(negative_prior: NegativePrior, seeds: Sequence[EncodedSeed], likes: int) -> Floats:
    """Return the dual weight of each seed (k,).

    The first `likes` seeds are liked, the others disliked.
    """
    features = np.array([seed.features for seed in seeds], dtype=np.float64)
    kernel = gram(seeds) + 1 - features @ features.T
    kernel[np.diag_indices_from(kernel)] += penalties(likes, len(seeds) - likes)
    target = np.repeat([1.0, -1.0], [likes, len(seeds) - likes])
    return np.linalg.solve(kernel, target - negative_prior.prior(features)).astype(np.float32)


def gram(seeds: Sequence[EncodedSeed]) -> Doubles:
    """Return the kernel between all pairs of seeds, words and authors (k, k)."""
    columns, values = [seed.columns for seed in seeds], [seed.values for seed in seeds]
    whole = 1 + max((int(row.max(initial=0)) for row in columns), default=0)
    if len(seeds) > FEW:
        rows = stacked(columns, values, whole)
        return (rows @ rows.T).toarray().astype(np.float64)
    return _laid_out(columns, values, whole)


def _laid_out(columns: Sequence[Columns], values: Sequence[Floats], width: int) -> Doubles:
    """Compute the same for few seeds: expand each row over all columns in turn."""
    every, each = np.concatenate(columns), np.concatenate(values)
    owner = np.repeat(np.arange(len(columns)), [len(row) for row in columns])
    laid = np.zeros(width, dtype=np.float32)
    out = np.zeros((len(columns), len(columns)))
    for i, (row, own) in enumerate(zip(columns, values, strict=True)):
        laid[row] = own
        out[i] = np.bincount(owner, laid[every] * each, minlength=len(columns))
        laid[row] = 0
    return out


def penalties(likes: int, dislikes: int) -> Doubles:
    """Return λ/C of each like, then of each dislike.

    All seeds of a side share its weight equally.
    """
    share = 0.0 if not dislikes else 0.85 if dislikes >= 5 else 0.2
    weight = MASS / (1 - share)
    per_dislike = RIDGE * dislikes / (weight * share) if dislikes else 0.0
    return np.repeat([RIDGE * likes / weight, per_dislike], [likes, dislikes])
