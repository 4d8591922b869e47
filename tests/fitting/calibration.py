"""Fit the probability of relevance of a score to judgments.

Logistic regression on the features of `ranking.calibration`, with slopes held at ≥ 0. Each case is used three times:
as it is; as a day on which every paper is close to the subject (the most relevant quarter of its candidates); and as
a day with little to offer (the least relevant half). Users have equal weight within a set, and a set has the weight
of the square root of its number of users.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from digestd.evaluation.calibration_error import (
    TOP,
    Predictions,
    calibration_error,
    case_calibration_error,
    predicted_probabilities,
    sigmoid,
)
from digestd.evaluation.scoring import Case, totals
from digestd.ranking.arrays import Bools, Doubles, Floats, Ints
from digestd.ranking.calibration import FEATURES, HALF_WARM, SCORE_SCALE, Calibration
from digestd.ranking.fusion import WEIGHTS, zscores
from digestd.ranking.signals import SIGNALS
from tests.fitting.weights import FOLDS, fold

MAX_STEPS, CONVERGED, MAX_STEP = 100, 1e-6, 0.25
"""Newton's method: maximum number of steps, convergence threshold, and maximum length of a step."""
START = (-4.6, 0.5, 0.5, 0.1, 0.1)
PRIOR_MEAN = np.array([-4.6, 0.0, 0.0, 0.0, 0.0])
"""Prior of the coefficients: one paper of a hundred is relevant, and no feature has an effect."""
INTERCEPT_PRECISION = 0.01
"""Prior precision of the intercept, which keeps it finite if the classes are separable."""
SLOPE_PRECISION = 1.0
"""Prior precision of a slope, which keeps a slope without evidence at 0."""


@dataclass(frozen=True, slots=True)
class LearnedCalibration:
    """A calibration with its errors per set.

    They are its error on held-out users and that of the calibration in force.
    """

    calibration: Calibration
    before: Mapping[str, float]
    unseen: Mapping[str, float]


def calibrate(sets: Mapping[str, Sequence[Case]]) -> LearnedCalibration:
    """Fit a calibration to named sets of cases, with cross-validation.

    A user is in the same fold in every set.
    """
    unseen: dict[str, list[Predictions]] = {name: [] for name in sets}
    for part in range(FOLDS):
        rest = [[case for case in cases if fold(case.user) != part] for cases in sets.values()]
        found = _fit(rest)
        for name, cases in sets.items():
            unseen[name] += [
                (case.user, *predicted_probabilities(case, found))
                for case in cases
                if fold(case.user) == part and case.names
            ]
    return LearnedCalibration(
        calibration=_rounded(_fit(list(sets.values()))),
        before={name: case_calibration_error(cases).value for name, cases in sets.items()},
        unseen={name: calibration_error(given).value for name, given in unseen.items()},
    )


def _fit(sets: Sequence[Sequence[Case]]) -> Calibration:
    rows = [_rows(case, weight) for cases in sets for case, weight in _case_weights(cases) if case.names]
    features = np.concatenate([feature for feature, _, _ in rows])
    right = np.concatenate([labels for _, labels, _ in rows])
    counts = np.concatenate([np.full(len(labels), weight) for _, labels, weight in rows])

    theta, free = np.array(START), np.ones(len(FEATURES), dtype=np.bool_)
    for _ in range(MAX_STEPS):
        step = _newton_step(features, right, counts, theta, free)
        theta = theta - step
        at_bound = (theta < 0) & (np.arange(len(theta)) > 0)
        theta[at_bound], free[at_bound] = 0.0, False
        if not at_bound.any() and np.abs(step).max() < CONVERGED:
            break
    return Calibration(*map(float, theta))


def _newton_step(features: Doubles, right: Doubles, counts: Doubles, theta: Doubles, free: Bools) -> Doubles:
    """Return Newton's step along the free coefficients.

    The loss is that of penalised logistic regression.
    """
    chance = sigmoid(features @ theta)
    prior = np.array([INTERCEPT_PRECISION, *[SLOPE_PRECISION] * (len(theta) - 1)])
    gradient = features.T @ (counts * (chance - right)) + prior * (theta - PRIOR_MEAN)
    curvature = (features.T * (counts * chance * (1 - chance))) @ features + np.diag(prior)
    step = np.zeros_like(theta)
    step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
    shortened: Doubles = step * min(1.0, MAX_STEP / max(float(np.abs(step).max()), MAX_STEP))
    return shortened


def _case_weights(cases: Sequence[Case]) -> Iterator[tuple[Case, float]]:
    """Yield each case with its weight.

    Equal by user, and the root of the number of users by set.
    """
    judged = Counter(case.user for case in cases)
    for case in cases:
        yield case, 1 / (judged[case.user] * len(judged) ** 0.5)


def _rows(case: Case, weight: float) -> tuple[Doubles, Doubles, float]:
    """Return the features (r, 5), labels (r,) and weight of all variants of a case."""
    days = list(_day_variants(case))
    right = np.array([float(name in case.relevant) for name in case.names])
    features = np.concatenate([_features(case, day) for day in days])
    return features, np.concatenate([right[day] for day in days]), weight


def _day_variants(case: Case) -> Iterator[Ints]:
    """Yield the indices of three candidate sets.

    All candidates, the most relevant ones, and the least relevant ones.
    """
    order, size = np.argsort(-case.relevance, kind="stable"), len(case.names)
    yield np.arange(size)
    if size >= 2 * TOP:
        yield order[: size // 4]
        yield order[size // 2 :]


def _features(case: Case, day: Ints) -> Doubles:
    total = totals(
        replace(case, values=_day_values(case.values, day), names=tuple(case.names[j] for j in day)), WEIGHTS
    )
    matched, warm = case.relevance[day], case.likes / (case.likes + HALF_WARM)
    bent = np.arcsinh(total / SCORE_SCALE)
    columns = [np.ones(len(day)), (1 - warm) * bent, warm * bent, matched, np.full(len(day), matched.mean())]
    return np.array(columns, dtype=np.float64).T


def _day_values(values: Floats, day: Ints) -> Floats:
    """Return the signal values standardised over this day alone.

    A dense signal keeps the spread that it has over the archive.
    """
    return np.array(
        [
            row[day] if signal.boost else zscores(row[None, day])[0] * (row.std() if signal.dense else np.float32(1))
            for signal, row in zip(SIGNALS, values, strict=True)
        ]
    )


def _rounded(found: Calibration) -> Calibration:
    """Round to three decimals, below which differences are noise."""
    return Calibration(*(round(getattr(found, name), 3) for name in FEATURES))
