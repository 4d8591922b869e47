"""Compare two rankers on the same judgments by user, and measure the contribution of each signal.

A paired difference is the mean over users of (ours − theirs), with a bootstrap interval over users, and the number of
users for whom ours is better, worse and equal. A ranker is a set of weights, one signal alone, or a file of scores.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from digestd.errors import BadInput
from digestd.evaluation.metrics import MRR, NDCG, RECALL, Estimate, mean_estimate, per_user
from digestd.evaluation.scoring import Case, CaseResult, case_result, evaluate_case
from digestd.ranking.arrays import Doubles
from digestd.ranking.fusion import WEIGHTS, Weights
from digestd.ranking.signals import SIGNALS

ScoreTable = Mapping[int, Mapping[str, float]]
NAMES = tuple(known.name for known in SIGNALS)
TOLERANCE = 1e-9
"""Rounding in a mean of measures is less than this."""


@dataclass(frozen=True, slots=True)
class Difference(Estimate):
    """A mean difference with its 95 % interval, and the number of users with each sign."""

    better: int
    worse: int
    equal: int


def difference(ours: Iterable[CaseResult], theirs: Iterable[CaseResult]) -> dict[str, Difference]:
    """Return the paired difference of each measure.

    Only users that both results have count.
    """
    return {name: _difference(values) for name, values in differences(ours, theirs).items()}


def differences(ours: Iterable[CaseResult], theirs: Iterable[CaseResult]) -> dict[str, Doubles]:
    """Return ours minus theirs of each measure.

    One value per user that both have, in order of users.
    """
    one = per_user((done.user, done.measures) for done in ours)
    other = per_user((done.user, done.measures) for done in theirs)
    users = sorted(one.keys() & other.keys())
    return {name: np.array([one[user][name] - other[user][name] for user in users]) for name in (NDCG, RECALL, MRR)}


def single_signal(signal: str) -> Weights:
    """Return weights with which one signal ranks alone.

    Raises:
        BadInput: there is no such signal.
    """
    if signal not in NAMES:
        raise BadInput(f"{signal} is neither a file nor a signal; signals: {', '.join(NAMES)}")
    return replace(WEIGHTS, signals={signal: 1.0})


def results_from_scores(cases: Sequence[Case], given: ScoreTable) -> list[CaseResult]:
    """Rank the cases by given scores; candidates without a score are not ranked.

    Raises:
        BadInput: a case has no scores.
    """
    missing = [case.n for case in cases if case.n not in given]
    if missing:
        raise BadInput(f"there are no scores for {len(missing)} judgments, e.g. number {missing[0]}")
    nothing = float("nan")
    return [case_result(case, {name: given[case.n].get(name, nothing) for name in case.names}) for case in cases]


def ablation(cases: Sequence[Case], weights: Weights = WEIGHTS) -> dict[str, dict[str, Difference]]:
    """Return for each signal what all signals gain over all others.

    Signals that are constant on these cases are left out.
    """
    full = [evaluate_case(case, weights) for case in cases]
    return {
        signal.name: difference(full, [evaluate_case(case, _without(weights, signal.name)) for case in cases])
        for i, signal in enumerate(SIGNALS)
        if any(np.ptp(case.values[i]) > 0 for case in cases if case.names)
    }


def _difference(values: Doubles) -> Difference:
    mean = mean_estimate(values)
    better, worse = int((values > TOLERANCE).sum()), int((values < -TOLERANCE).sum())
    return Difference(mean.value, mean.low, mean.high, better, worse, len(values) - better - worse)


def _without(weights: Weights, signal: str) -> Weights:
    return replace(weights, signals={**weights.signals, signal: 0.0})
