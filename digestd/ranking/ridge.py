"""Likes as a kernel ridge regression: the k × k system that the background leaves per subscriber.

Half of all mass lies on the likes. Of the other half the dislikes take v: .85 where there are five
or more, .2 where fewer (likes against a handful of dislikes alone is a trap: measured .33 against .50).
"""

from collections.abc import Sequence

import numpy as np

from digestd.ranking.arrays import Doubles, Floats, stacked
from digestd.ranking.background import RIDGE, Background
from digestd.ranking.seeds import Shelved

FEW = 12
"""Seeds up to which laying them out is cheaper than setting up a sparse product."""
MASS = 150.0
"""Mass of the background: 300 texts at C = ½."""


def dual(background: Background, seeds: Sequence[Shelved], likes: Doubles, dislikes: Doubles, width: int) -> Floats:
    """The weight of each of the seeds, the likes first: (k,).

    `likes` and `dislikes`: the recency of each; `width`: the number V of terms.
    """
    features = np.array([seed.features for seed in seeds], dtype=np.float64)
    kernel = gram(seeds, width) + 1 - features @ features.T
    kernel[np.diag_indices_from(kernel)] += penalties(likes, dislikes)
    target = np.repeat([1.0, -1.0], [len(likes), len(dislikes)])
    weights: Floats = np.linalg.solve(kernel, target - background.prior(features)).astype(np.float32)
    return weights


def gram(seeds: Sequence[Shelved], width: int) -> Doubles:
    """The cosine of each pair (k, k)."""
    if len(seeds) > FEW:
        rows = stacked([seed.columns for seed in seeds], [seed.values for seed in seeds], width)
        return (rows @ rows.T).toarray().astype(np.float64)
    return _laid_out(seeds, width)


def _laid_out(seeds: Sequence[Shelved], width: int) -> Doubles:
    """The same for few: each seed in turn is laid out over all V terms, and all are read off it."""
    columns = np.concatenate([seed.columns for seed in seeds])
    values = np.concatenate([seed.values for seed in seeds])
    owner = np.repeat(np.arange(len(seeds)), [len(seed.columns) for seed in seeds])
    laid = np.zeros(width, dtype=np.float32)
    out = np.zeros((len(seeds), len(seeds)))
    for i, seed in enumerate(seeds):
        laid[seed.columns] = seed.values
        out[i] = np.bincount(owner, laid[columns] * values, minlength=len(seeds))
        laid[seed.columns] = 0
    return out


def penalties(likes: Doubles, dislikes: Doubles) -> Doubles:
    """λ/C of each like, then of each dislike: each takes of the mass of its side by its recency."""
    share = 0.0 if not len(dislikes) else 0.85 if len(dislikes) >= 5 else 0.2
    whole = MASS / (1 - share)
    per_like = RIDGE * likes.sum() / (whole * likes)
    per_dislike = RIDGE * dislikes.sum() / (whole * share * dislikes) if len(dislikes) else dislikes
    return np.concatenate([per_like, per_dislike])
