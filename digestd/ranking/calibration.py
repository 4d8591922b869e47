"""Calibration: the probability that a subscriber likes a paper.

It depends on score and relevance.

A score is relative to the day: even if all papers miss the subject, one has the highest score. Therefore

    logit P(mark) = intercept + ((1 − w) · topics + w · likes) · asinh(score/SCORE_SCALE)
                    + relevance · r + mean_relevance · mean(r)
    logit P(like) = logit P(mark) + PRIOR_SHIFT + RELEVANCE_BONUS · r,       w = n/(n + HALF_WARM), n known likes,

where r is a paper's relevance and mean(r) that of all selectable papers: on a day full of matching papers an average
score is worth more. All slopes are ≥ 0, so a better score never has a lower probability. P(mark) is fitted by
`python -m tests.fitting calibration` and stored in `calibration.json` next to this file.

The training sets count what a person kept as marked and everything else, seen or not, as unmarked, and their topics
are tags that nobody typed as a wish. Two assumptions turn a mark into a like: people like 5 % of a day's papers where
the sets mark 1 % (prior correction: King & Zeng 2001), and papers that match what was asked for are liked more often.
Feedback replaces both: `LocalCalibration` is fitted on the verdicts of the install (Platt 1999).
"""

import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from math import isfinite, log

import numpy as np

from digestd.domain.subscriber import MinScore
from digestd.ranking.arrays import Bools, Doubles, Floats

HALF_WARM = 2.0
"""Number of likes at which the score's slope is half that of topics, half that of likes."""
SCORE_SCALE = 3.0
"""Score from which further increases count less."""
PRIOR_SHIFT = log(0.05 / 0.95) - log(0.01 / 0.99)
RELEVANCE_BONUS = 1.5
MIN_SCORES = {MinScore.LOW: 0.03, MinScore.NORMAL: 0.06, MinScore.HIGH: 0.2}
"""The probability that a paper needs, by the subscriber's setting."""
NEAR_SCORES = {MinScore.LOW: 0.06, MinScore.NORMAL: 0.1, MinScore.HIGH: 0.2}
"""The probability from which a paper is near, and is shown if few papers reach the minimum."""
PRIOR_DEVIATIONS = (2.0, 0.5)
"""Standard deviations of the prior on the local shift and slope."""
MIN_SLOPE = 0.1
"""A better score must never have a lower probability."""
STEPS = 25
FEATURES = ("intercept", "topics", "likes", "relevance", "mean_relevance")


@dataclass(frozen=True, slots=True)
class Calibration:
    """The coefficients of the formula above."""

    intercept: float
    topics: float
    likes: float
    relevance: float
    mean_relevance: float

    def log_odds(self, totals: Floats, relevance: Floats, mean_relevance: Floats, likes: Floats) -> Floats:
        """Return the log odds of a mark for scores (n, m).

        `mean_relevance` and `likes` are (n,).
        """
        warm = likes / (likes + HALF_WARM)
        slope = self.topics * (1 - warm) + self.likes * warm
        found: Floats = (
            np.arcsinh(totals / np.float32(SCORE_SCALE)) * slope[:, None] + np.float32(self.relevance) * relevance
        )
        found += (self.intercept + self.mean_relevance * mean_relevance)[:, None].astype(np.float32)
        return found


def like_log_odds(marked: Floats, relevance: Floats) -> Floats:
    """Return the log odds of a like from those of a mark, by the two assumptions above."""
    log_odds: Floats = marked + np.float32(RELEVANCE_BONUS) * relevance + np.float32(PRIOR_SHIFT)
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


def mean_relevance(relevance: Floats, eligible: Bools) -> Floats:
    """Return the mean relevance (n,) of the selectable papers; 0 if there are none."""
    count = np.maximum(eligible.sum(axis=1), 1)
    mean: Floats = ((relevance * eligible).sum(axis=1) / count).astype(np.float32)
    return mean


def parse(text: str) -> Calibration:
    """Parse a calibration file. Raises ValueError with the problem."""
    found = json.loads(text)
    if not isinstance(found, dict) or set(found) != set(FEATURES):
        raise ValueError(f"expected a JSON object with {', '.join(FEATURES)}")
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise ValueError(f"{name} must be a number")
    return Calibration(**{name: float(value) for name, value in found.items()})


def dumps(calibration: Calibration) -> str:
    return json.dumps(asdict(calibration), indent=2) + "\n"


CALIBRATION = parse(files(__package__).joinpath("calibration.json").read_text(encoding="utf-8"))
