"""Learn the weights of the signals from judgments.

Coordinate ascent on the measure itself (Metzler & Croft 2007), from the weights in force: each weight in turn is
tried
at multiples of its value, and the best is kept if it gains more than MIN_GAIN. The objective is half nDCG@10 and half
nDCG over the whole ranking, which is smoother; averaged per user, then over the users of a set, then over sets by the
root of their users; minus PENALTY · Σ ln²(new/old), so that few users cannot move a weight far.
Followed authors, phrases and categories are promises to subscribers, so their weights are fixed. `likes` stays at 1
and sets the scale.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from digestd.evaluation.metrics import CUT, NDCG
from digestd.evaluation.scoring import Case
from digestd.ranking.arrays import Doubles, Floats, Ints
from digestd.ranking.fusion import WEIGHTS, Weights, signal_weight
from digestd.ranking.signals import SIGNALS

FIXED = frozenset(["author", "phrase", "category", "likes"])
FADE = "fade"
FACTORS = (0.5, 0.7, 0.85, 1.2, 1.4, 2.0)
MIN_GAIN = 0.00005
PENALTY = 0.002
ROUNDS = 6
FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class _CaseSet:
    """The cases of one file as arrays for repeated ranking.

    `users` are their group numbers.
    """

    values: Sequence[Floats]
    likes: Floats
    gains: Sequence[Doubles]
    ideal: Doubles
    full_ideal: Doubles
    users: Ints

    @property
    def size(self) -> int:
        """Return the number of users."""
        return int(self.users.max(initial=-1)) + 1


@dataclass(frozen=True, slots=True)
class LearnedWeights:
    """Weights with their results per set.

    They are nDCG@10 on held-out users, and that of the weights before.
    """

    weights: Weights
    before: Mapping[str, float]
    unseen: Mapping[str, float]


def learn_weights(
    sets: Mapping[str, Sequence[Case]], start: Weights = WEIGHTS, advance: Callable[[int], None] = lambda _: None
) -> LearnedWeights:
    """Learn weights from named sets of cases, with cross-validation.

    A user is in the same fold in every set.
    """
    seen: dict[str, list[float]] = defaultdict(list)
    sizes: dict[str, list[int]] = defaultdict(list)
    for part in range(FOLDS):
        rest = {name: _prepare(c for c in cases if fold(c.user) != part) for name, cases in sets.items()}
        own = {name: _prepare(c for c in cases if fold(c.user) == part) for name, cases in sets.items()}
        found = _coordinate_ascent(list(rest.values()), start)
        for name, cases in own.items():
            seen[name].append(_ndcg_at_10(cases, found))
            sizes[name].append(cases.size)
        advance(1)
    every = {name: _prepare(cases) for name, cases in sets.items()}
    weights = _coordinate_ascent(list(every.values()), start)
    advance(1)
    return LearnedWeights(
        weights=_rounded(weights),
        before={name: _ndcg_at_10(cases, start) for name, cases in every.items()},
        unseen={name: float(np.average(seen[name], weights=np.maximum(sizes[name], 1e-9))) for name in sets},
    )


def _coordinate_ascent(sets: Sequence[_CaseSet], start: Weights) -> Weights:
    best, value = start, _objective(sets, start, start)
    for _ in range(ROUNDS):
        before = value
        for name in (FADE, *(s.name for s in SIGNALS if s.name not in FIXED)):
            tried = [(_objective(sets, new, start), new) for new in _neighbours(best, name)]
            most, new = max(tried, key=lambda pair: pair[0], default=(value, best))
            if most > value + MIN_GAIN:
                best, value = new, most
        if value <= before:
            break
    return best


def _neighbours(weights: Weights, name: str) -> Iterator[Weights]:
    if name == FADE:
        yield from (replace(weights, fade=weights.fade * factor) for factor in FACTORS)
        return
    for factor in FACTORS:
        yield replace(weights, signals={**weights.signals, name: weights.of(name) * factor})


def _objective(sets: Sequence[_CaseSet], weights: Weights, start: Weights) -> float:
    sizes = np.sqrt([max(cases.size, 1e-9) for cases in sets])
    values = [_mean_ndcg(cases, weights, 0.5) for cases in sets]
    return float(sizes @ values / max(sizes.sum(), 1e-9)) - PENALTY * _squared_log_change(weights, start)


def _squared_log_change(weights: Weights, start: Weights) -> float:
    pairs = [(weights.fade, start.fade), *((weights.of(name), old) for name, old in start.signals.items())]
    return float(sum(np.log(new / old) ** 2 for new, old in pairs if new > 0 and old > 0))


def _ndcg_at_10(cases: _CaseSet, weights: Weights) -> float:
    return _mean_ndcg(cases, weights, 0.0)


def _mean_ndcg(cases: _CaseSet, weights: Weights, full_share: float) -> float:
    """Return the mean of nDCG@10 and nDCG, weighted by `full_share`.

    nDCG@10 · (1 − full_share) + nDCG · full_share, averaged per user and then over users.
    """
    if not len(cases.values):
        return 0.0
    by_signal = np.array([signal_weight(signal, cases.likes, weights) for signal in SIGNALS]).T
    got = np.array([_gain(row @ v, g) for row, v, g in zip(by_signal, cases.values, cases.gains, strict=True)])
    each = (1 - full_share) * got[:, 0] / cases.ideal + full_share * got[:, 1] / cases.full_ideal
    return float(np.mean(np.bincount(cases.users, each) / np.bincount(cases.users)))


def _gain(scores: Floats, gains: Doubles) -> tuple[float, float]:
    """Return the discounted gain in the first ten, and in all.

    Equal scores share the worst rank.
    """
    right = np.flatnonzero(gains)
    ranks = (scores[None, :] >= scores[right, None]).sum(axis=1)
    parts = gains[right] / np.log2(ranks + 1)
    return float(parts[ranks <= CUT[NDCG]].sum()), float(parts.sum())


def _prepare(cases: Sequence[Case] | Iterator[Case]) -> _CaseSet:
    given = [case for case in cases if case.names]
    numbers = {user: i for i, user in enumerate(sorted({case.user for case in given}))}
    best = [np.sort(np.array(list(case.relevant.values()), dtype=np.float64))[::-1] for case in given]
    parts = [row / np.log2(np.arange(len(row)) + 2) for row in best]
    return _CaseSet(
        values=[np.where(case.allowed, case.values, -1e3).astype(np.float32) for case in given],
        likes=np.array([case.likes for case in given], dtype=np.float32),
        gains=[np.array([case.relevant.get(name, 0.0) for name in case.names]) for case in given],
        ideal=np.array([part[: CUT[NDCG]].sum() for part in parts]),
        full_ideal=np.array([part.sum() for part in parts]),
        users=np.array([numbers[case.user] for case in given], dtype=np.intp),
    )


def fold(user: str) -> int:
    """Return the fold of a user, 0 ≤ fold < FOLDS; it is the same in every set."""
    return blake2b(user.encode(), digest_size=1).digest()[0] % FOLDS


def _rounded(weights: Weights) -> Weights:
    """Round to three decimals, below which differences are noise."""
    return Weights({name: round(value, 3) for name, value in weights.signals.items()}, round(weights.fade, 3))
