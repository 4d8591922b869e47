"""Chances: how likely a subscriber is to like a paper, from its score and its relevance.

A score is relative to the day: of papers that are all off the mark, one still stands out. So

    logit P(mark) = intercept + ((1 − w) · topics + w · likes) · asinh(score/BEND) + relevance · r + level · mean(r)
    logit P(like) = logit P(mark) + UNMARKED + ASKED · r,              w = n/(n + HALF) with n liked papers known,

where r is a paper's relevance and mean(r) that of all that may be picked: where everything is on the
subject, an average score is worth more. All slopes are ≥ 0, so a better score is never a worse chance.
P(mark) is learnt by `digestd evaluate --calibrate` and kept in `calibration.json` beside this file.

In the sets it is learnt from, what a person kept counts as marked and all else as not, be it that they
never saw it; and their topics are tags and keywords, which nobody typed as a wish. Two assumptions, not
estimates, make a like of a mark: people like five of a hundred papers of a day where the sets have one
mark (a corrected intercept: King & Zeng 2001), and what stands there as it was asked for is liked more
often still. Feedback replaces them: `Own` is what the verdicts of an install make of it (Platt 1999).
"""

import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from math import isfinite, log

import numpy as np

from digestd.domain.subscriber import Bar
from digestd.ranking.arrays import Bools, Doubles, Floats

HALF_WARM = 2.0
"""The number of likes at which a score's slope is half that of topics, half that of likes."""
SCORE_SCALE = 3.0
"""The score from which on more is worth less."""
PRIOR_SHIFT = log(0.05 / 0.95) - log(0.01 / 0.99)
RELEVANCE_BONUS = 1.5
MIN_SCORES = {Bar.LOW: 0.03, Bar.NORMAL: 0.06, Bar.HIGH: 0.2}
"""The chance that a paper needs."""
PRIOR_DEVIATIONS = (2.0, 0.5)
"""Standard deviations of what an install may be found to shift and stretch."""
MIN_SLOPE = 0.1
"""The least slope: a better score is never a worse chance."""
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
        """The log odds of a mark, of scores (n, m); `level` and `likes` are (n,)."""
        warm = likes / (likes + HALF_WARM)
        slope = self.topics * (1 - warm) + self.likes * warm
        found: Floats = (
            np.arcsinh(totals / np.float32(SCORE_SCALE)) * slope[:, None] + np.float32(self.relevance) * relevance
        )
        found += (self.intercept + self.mean_relevance * mean_relevance)[:, None].astype(np.float32)
        return found


def like_log_odds(marked: Floats, relevance: Floats) -> Floats:
    """The log odds of a like from those of a mark, as assumed."""
    log_odds: Floats = marked + np.float32(RELEVANCE_BONUS) * relevance + np.float32(PRIOR_SHIFT)
    return log_odds


@dataclass(frozen=True, slots=True)
class LocalCalibration:
    """What an install learnt of itself: log odds = shift + slope · log odds of the package. Nothing by default."""

    shift: float = 0.0
    slope: float = 1.0

    def probability(self, log_odds: float) -> float:
        """The probability of a like, to four decimals, from the package's log odds."""
        return float(self.probabilities(np.array([log_odds]))[0])

    def probabilities(self, log_odds: Floats | Doubles) -> Doubles:
        """The same of several (c,)."""
        inside = np.clip(self.shift + self.slope * log_odds.astype(np.float64), -30, 30)
        return np.round(1 / (1 + np.exp(-inside)), 4)

    def log_odds_for(self, probability: float) -> float:
        """The package's log odds at which a paper has this chance."""
        return (logit(probability) - self.shift) / self.slope


def fit_local(log_odds: Doubles, liked: Doubles, weights: Doubles) -> LocalCalibration:
    """Platt scaling of the package's log odds (c,) to what was liked (c,), each counting by its weight (c,).

    Shift and slope are drawn to 0 and 1 by a normal prior, so that few verdicts change little. Newton's method.
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
    """log(p/(1 − p)); of 0 and 1, that of the nearest number with four decimals."""
    inside = min(max(probability, 0.00005), 0.99995)
    return log(inside / (1 - inside))


def mean_relevance(relevance: Floats, eligible: Bools) -> Floats:
    """The mean relevance (n,) of the papers that may be picked; 0 where none may."""
    count = np.maximum(eligible.sum(axis=1), 1)
    mean: Floats = ((relevance * eligible).sum(axis=1) / count).astype(np.float32)
    return mean


def parse(text: str) -> Calibration:
    """Read a file of coefficients. Raises ValueError, saying what is wrong."""
    found = json.loads(text)
    if not isinstance(found, dict) or set(found) != set(FEATURES):
        raise ValueError(f"a calibration has {', '.join(FEATURES)}")
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise ValueError(f"{name} must be a number")
    return Calibration(**{name: float(value) for name, value in found.items()})


def dumps(calibration: Calibration) -> str:
    """As `parse` reads them."""
    return json.dumps(asdict(calibration), indent=2) + "\n"


CALIBRATION = parse(files(__package__).joinpath("calibration.json").read_text(encoding="utf-8"))
