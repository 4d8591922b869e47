"""Measures of a ranking.

NDCG@10 with linear gain, recall@20 and the reciprocal rank of the first hit.

Each measure is averaged per user, then over users, so that active users do not dominate. The interval is the 95 %
percentile bootstrap over users (Efron 1979), with a fixed seed. Papers with the score NaN are not ranked and count as
missed. Equal scores are ranked at random, with a seed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Doubles

NDCG, RECALL, MRR = "ndcg@10", "recall@20", "mrr"
CUT = {NDCG: 10, RECALL: 20}
RESAMPLES = 2_000
_BLOCK_SIZE = 4_000_000
"""Users drawn at a time: 32 MB."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over users with its 95 % interval."""

    value: float
    low: float
    high: float


def rank_ids(scores: Mapping[str, float], seed: int | Sequence[int] = 0) -> list[str]:
    """Return ids from the highest score to the lowest, without those that score NaN.

    Args:
        scores: score by id.
        seed: orders ids with equal scores.
    """
    names = sorted(name for name, score in scores.items() if not np.isnan(score))
    drawn = np.random.default_rng(seed).random(len(names))
    order = np.lexsort((drawn, -np.array([scores[name] for name in names], dtype=np.float64)))
    return [names[place] for place in order]


def ranking_metrics(order: Sequence[str], gains: Mapping[str, float]) -> dict[str, float]:
    """Return the measures of one ranking.

    Args:
        order: ids from the best to the worst.
        gains: gain > 0 of each relevant id, at least one; ids that are not ranked count as missed.
    """
    hits = [rank for rank, name in enumerate(order, start=1) if name in gains]
    best = sorted(gains.values(), reverse=True)
    return {
        NDCG: _dcg(gains.get(name, 0.0) for name in order[: CUT[NDCG]]) / _dcg(best[: CUT[NDCG]]),
        RECALL: sum(rank <= CUT[RECALL] for rank in hits) / len(gains),
        MRR: 1 / hits[0] if hits else 0.0,
    }


def summary(outcomes: Iterable[tuple[str, Mapping[str, float]]]) -> dict[str, Estimate]:
    """Return the estimate of each measure over pairs of a user and their measures."""
    table = per_user(outcomes)
    return {
        name: mean_estimate(np.array([table[user][name] for user in sorted(table)])) for name in (NDCG, RECALL, MRR)
    }


def per_user(outcomes: Iterable[tuple[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Return the mean of each measure over the judgments of each user."""
    rows: defaultdict[str, list[Mapping[str, float]]] = defaultdict(list)
    for user, values in outcomes:
        rows[user].append(values)
    return {
        user: {name: float(np.mean([row[name] for row in given])) for name in (NDCG, RECALL, MRR)}
        for user, given in rows.items()
    }


def mean_estimate(values: Doubles) -> Estimate:
    """Return the mean and interval of one value per user; zeros if there are no users."""
    if not values.size:
        return Estimate(0.0, 0.0, 0.0)
    low, high = np.quantile(bootstrap(values, lambda rows: rows.mean(axis=-1)), [0.025, 0.975])
    return Estimate(float(values.mean()), float(low), float(high))


def bootstrap(rows: Doubles, statistic: Callable[[Doubles], Doubles]) -> Doubles:
    """Return a statistic of RESAMPLES bootstrap samples of the rows.

    Args:
        rows: (users, …).
        statistic: maps (draws, users, …) to (draws,).
    """
    chance, size = np.random.default_rng(0), max(1, _BLOCK_SIZE // max(rows.size, 1))
    blocks = [min(size, RESAMPLES - start) for start in range(0, RESAMPLES, size)]
    return np.concatenate([statistic(rows[chance.integers(len(rows), size=(block, len(rows)))]) for block in blocks])


def _dcg(gains: Iterable[float]) -> float:
    return float(sum(gain / np.log2(rank + 1) for rank, gain in enumerate(gains, start=1)))
