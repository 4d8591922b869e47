"""Likes as a kernel ridge regression: the k × k system that the background leaves per subscriber.

Half of all mass lies on the likes. Of the other half the dislikes take v: .85 where there are five
or more, .2 where fewer (likes against a handful of dislikes alone is a trap: measured .33 against .50).
"""

from collections.abc import Sequence

import numpy as np

from digestd.ranking.arrays import Columns, Doubles, Floats, stacked
from digestd.ranking.negative_prior import RIDGE, NegativePrior
from digestd.ranking.seeds import EncodedSeed

FEW = 12
"""Seeds up to which laying them out is cheaper than setting up a sparse product."""
MASS = 150.0
"""Mass of the background: 300 texts at C = ½."""


def dual(background: NegativePrior, seeds: Sequence[EncodedSeed], likes: Doubles, dislikes: Doubles) -> Floats:
    """The weight of each of the seeds, the likes first: (k,). `likes` and `dislikes`: the recency of each."""
    features = np.array([seed.features for seed in seeds], dtype=np.float64)
    kernel = gram(seeds) + 1 - features @ features.T
    kernel[np.diag_indices_from(kernel)] += penalties(likes, dislikes)
    target = np.repeat([1.0, -1.0], [len(likes), len(dislikes)])
    return np.linalg.solve(kernel, target - background.prior(features)).astype(np.float32)


def gram(seeds: Sequence[EncodedSeed]) -> Doubles:
    """What each pair has in common, words and people (k, k)."""
    columns, values = [seed.columns for seed in seeds], [seed.values for seed in seeds]
    whole = 1 + max((int(row.max(initial=0)) for row in columns), default=0)
    if len(seeds) > FEW:
        rows = stacked(columns, values, whole)
        return (rows @ rows.T).toarray().astype(np.float64)
    return _laid_out(columns, values, whole)


def _laid_out(columns: Sequence[Columns], values: Sequence[Floats], width: int) -> Doubles:
    """The same for few: each row in turn is laid out over all columns, and all are read off it."""
    every, each = np.concatenate(columns), np.concatenate(values)
    owner = np.repeat(np.arange(len(columns)), [len(row) for row in columns])
    laid = np.zeros(width, dtype=np.float32)
    out = np.zeros((len(columns), len(columns)))
    for i, (row, own) in enumerate(zip(columns, values, strict=True)):
        laid[row] = own
        out[i] = np.bincount(owner, laid[every] * each, minlength=len(columns))
        laid[row] = 0
    return out


def penalties(likes: Doubles, dislikes: Doubles) -> Doubles:
    """λ/C of each like, then of each dislike: each takes of the mass of its side by its recency."""
    share = 0.0 if not len(dislikes) else 0.85 if len(dislikes) >= 5 else 0.2
    whole = MASS / (1 - share)
    per_like = RIDGE * likes.sum() / (whole * likes)
    per_dislike = RIDGE * dislikes.sum() / (whole * share * dislikes) if len(dislikes) else dislikes
    return np.concatenate([per_like, per_dislike])
