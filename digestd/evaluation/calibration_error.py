"""Estimate the expected calibration error with an interval.

The error is the mean of |predicted − observed relevance| over the TOP best papers of each case, in BINS bins of equal
size (Naeini et al. 2015). The 95 % interval is a bootstrap over users with fixed bins. The error is a sum of absolute
values, so resampled users have a larger error on average than the sample; the interval is shifted down by this bias, to
0 at least (Efron & Tibshirani 1993, section 10.2).
"""

from collections.abc import Iterable, Sequence

import numpy as np

from digestd.evaluation.metrics import Estimate, bootstrap
from digestd.evaluation.scoring import Case, totals
from digestd.ranking.arrays import Doubles
from digestd.ranking.fusion import WEIGHTS

TOP = 20
BINS = 10

Predictions = tuple[str, Doubles, Doubles]
"""A user, the chances they were given, and what came of each: 1 or 0."""


def case_calibration_error(cases: Iterable[Case]) -> Estimate:
    """Return the expected calibration error over the best candidates of each case."""
    return calibration_error([(case.user, *predicted_probabilities(case)) for case in cases if case.names])


def calibration_error(given: Sequence[Predictions], bins: int = BINS) -> Estimate:
    """Return the expected calibration error in bins of equal size; zeros without predictions."""
    chances = np.concatenate([np.zeros(0), *(promised for _, promised, _ in given)])
    if not chances.size:
        return Estimate(0.0, 0.0, 0.0)
    came = np.concatenate([found for _, _, found in given])
    names = sorted({user for user, _, _ in given})
    place = {user: i for i, user in enumerate(names)}
    owners = np.repeat([place[user] for user, _, _ in given], [len(promised) for _, promised, _ in given])
    parts = np.array_split(np.argsort(chances, kind="stable"), bins)
    off = [np.bincount(owners[part], (chances - came)[part], minlength=len(names)) for part in parts]
    counts = [np.bincount(owners[part], minlength=len(names)) for part in parts]
    rows = np.array([off, counts], dtype=np.float64).transpose(2, 1, 0)
    value, drawn = float(_error(rows[None])[0]), bootstrap(rows, _error)
    low, high = np.maximum(np.quantile(drawn, [0.025, 0.975]) + value - drawn.mean(), 0)
    return Estimate(value, float(low), float(high))


def predicted_probabilities(case: Case) -> tuple[Doubles, Doubles]:
    """Return the predicted probability and the label of the TOP best candidates.

    Returns:
        Two arrays (k,), k ≤ TOP: the probabilities, and 1 for a relevant paper or 0.
    """
    total = np.where(case.allowed, totals(case, WEIGHTS), -np.inf)
    best = np.argsort(-total, kind="stable")[:TOP]
    best = best[np.isfinite(total[best])]
    return case.relevance[best].astype(np.float64), np.array([float(case.names[j] in case.relevant) for j in best])


def _error(rows: Doubles) -> Doubles:
    """Return the error of each draw.

    (draws, users, bins, [predicted − observed, count]) → (draws,).
    """
    sums = rows.sum(axis=1)
    return np.asarray(np.abs(sums[..., 0]).sum(axis=-1) / np.maximum(sums[..., 1].sum(axis=-1), 1))
