"""Calibration: the chance that a subscriber wants a paper, and what it has to be.

The chance of a paper is that of the interest it meets best: see `ranking.subjects` for topics and `signals.likes` for
likes. Both were fitted on papers that people judged by reading. An install's own feedback corrects it:
`LocalCalibration` is fitted on the verdicts of its subscribers (Platt 1999).
"""

from dataclasses import dataclass
from math import log

import numpy as np

from digestd.domain.subscriber import MinScore
from digestd.ranking.arrays import Doubles, Floats

MIN_SCORES = {MinScore.LOW: 0.3, MinScore.NORMAL: 0.5, MinScore.HIGH: 0.7}
"""The chance that a paper needs, by the subscriber's setting."""
NEAR_SCORES = {MinScore.LOW: 0.05, MinScore.NORMAL: 0.1, MinScore.HIGH: 0.2}
"""The chance from which a paper is near, and is shown if few papers reach the minimum."""
PRIOR_DEVIATIONS = (2.0, 0.5)
"""Standard deviations of the prior on the local shift and slope."""
MIN_SLOPE = 0.1
"""A better score must never have a lower probability."""
STEPS = 25
CERTAIN = 0.9999
"""The largest chance, and the complement of the smallest."""


def log_odds_of(chances: Floats) -> Floats:
    """Return the log odds of chances."""
    inside = np.clip(chances, np.float32(1 - CERTAIN), np.float32(CERTAIN))
    log_odds: Floats = np.log(inside / (1 - inside))
    return log_odds


@dataclass(frozen=True, slots=True)
class LocalCalibration:
    """Correction learned from an installation's own feedback.

    Log odds = shift + slope · shipped log odds.
    """

    shift: float = 0.0
    slope: float = 1.0

    def probability(self, log_odds: float) -> float:
        """Return the probability of a like, to four decimals, from the shipped log odds."""
        return float(self.probabilities(np.array([log_odds]))[0])

    def probabilities(self, log_odds: Floats | Doubles) -> Doubles:
        inside = np.clip(self.shift + self.slope * log_odds.astype(np.float64), -30, 30)
        return np.round(1 / (1 + np.exp(-inside)), 4)

    def log_odds_for(self, probability: float) -> float:
        """Return the shipped log odds at which a paper has this probability."""
        return (logit(probability) - self.shift) / self.slope


def fit_local(log_odds: Doubles, liked: Doubles, weights: Doubles) -> LocalCalibration:
    """Fit Platt scaling of shipped log odds (c,) to `liked` (c,), by Newton's method with weights (c,).

    A normal prior pulls shift and slope to 0 and 1, so a few verdicts change little.
    """
    theta, usual = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    precision = 1 / np.array(PRIOR_DEVIATIONS) ** 2
    features = np.stack([np.ones_like(log_odds), log_odds], axis=1)
    for _ in range(STEPS):
        probability = 1 / (1 + np.exp(-np.clip(features @ theta, -30, 30)))
        gradient = features.T @ (weights * (probability - liked)) + precision * (theta - usual)
        curvature = (features.T * (weights * probability * (1 - probability))) @ features + np.diag(precision)
        theta = theta - np.linalg.solve(curvature, gradient)
        theta[1] = max(theta[1], MIN_SLOPE)
    return LocalCalibration(round(float(theta[0]), 4), round(float(theta[1]), 4))


def logit(probability: float) -> float:
    """Return log(p/(1 − p)), with p clipped to the nearest four-decimal number inside (0, 1)."""
    inside = min(max(probability, 0.00005), 0.99995)
    return log(inside / (1 - inside))
