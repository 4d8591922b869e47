"""Score fusion: z-score each signal within the day, weight it, and add up.

For each subscriber s = Σ w · z(signal) over the selectable papers; boosts are added unscaled. The weight of topic
signals fades with likes, w · a/(a + likes): equal weight next to likes costs .018 nDCG@10. Z-scores beat reciprocal
rank fusion by .003 to .005. A signal that is equal for all papers contributes 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Bools, Floats
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profile, Profiles, block
from digestd.ranking.signals import SIGNALS, Signal
from digestd.ranking.signals.base import SparseValues, Values, to_dense
from digestd.ranking.weights import WEIGHTS, Weights
from digestd.ranking.zscore import Population, deviations, population, zscores


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """n subscribers × m papers.

    Attributes:
        total: Score to rank by.
        relevance: In [0, 1]; 0 if no interest is matched.
        allowed: False if muted.
    """

    total: Floats
    relevance: Floats
    allowed: Bools


@dataclass(frozen=True, slots=True)
class SignalContribution:
    """The contribution of one signal to a score: weight · z."""

    signal: str
    raw: float
    z: float
    weight: float
    contribution: float


def score(
    candidates: CandidateSet, profiles: Sequence[Profile], eligible: Bools | None = None, weights: Weights = WEIGHTS
) -> Scores:
    """Score every paper for every profile.

    Args:
        eligible: (n, m) the papers that z-scores are computed over; all if None.
    """
    among = block(profiles, candidates)
    total = np.zeros((len(among), len(candidates)), dtype=np.float32)
    relevance = np.zeros_like(total)
    likes, papers = _likes(among), population(eligible, total.shape)
    for signal in (signal for signal in SIGNALS if not is_inactive(signal, candidates)):
        counts = weight(signal, likes, weights)
        raw = signal.module.score(candidates, among)
        if isinstance(raw, SparseValues) and signal.boost:
            total[raw.cells.rows, raw.cells.columns] += counts[raw.cells.rows] * raw.values
        else:
            total += _weighed(signal, candidates, to_dense(raw, candidates, among), papers, counts)
        _raise(relevance, signal.module.evidence(candidates, among))
    np.minimum(relevance, 1, out=relevance)
    allowed = np.ones(total.shape, dtype=np.bool_)
    allowed[among.muted.rows, among.muted.columns] = False
    return Scores(total, relevance, allowed)


def relevance(candidates: CandidateSet, profiles: Sequence[Profile]) -> Floats:
    """Return only the relevance of `score`: (n, m)."""
    return score(candidates, profiles).relevance


def score_breakdown(
    candidates: CandidateSet, profile: Profile, j: int, eligible: Bools | None = None
) -> list[SignalContribution]:
    """Return the contribution of each signal to the score of paper j.

    Args:
        eligible: (m,) a row as in `score`.
    """
    alone = block([profile], candidates)
    likes = _likes(alone)
    found = []
    for signal, (raw, z) in zip(
        SIGNALS, values(candidates, alone, None if eligible is None else eligible[None, :]), strict=True
    ):
        if not is_inactive(signal, candidates):
            counts, entering = float(weight(signal, likes)[0]), float(z[0, j])
            found.append(SignalContribution(signal.name, float(raw[0, j]), entering, counts, counts * entering))
    return found


def values(
    candidates: CandidateSet, profiles: Sequence[Profile], eligible: Bools | None = None
) -> Iterator[tuple[Floats, Floats]]:
    """Yield for each signal its raw values and those that enter the sum, both (n, m)."""
    among = block(profiles, candidates)
    for signal in SIGNALS:
        raw, known = _numbers(to_dense(signal.module.score(candidates, among), candidates, among))
        yield (
            raw,
            raw
            if signal.boost or is_inactive(signal, candidates)
            else zscores(raw, eligible, known) * np.float32(_standing(signal, candidates)),
        )


def _likes(profiles: Profiles) -> Floats:
    return profiles.feedback.likes.sizes.astype(np.float32)


def _weighed(signal: Signal, candidates: CandidateSet, raw: Floats, papers: Population, counts: Floats) -> Floats:
    """Return the weighted contribution of a signal."""
    if signal.boost:
        weighed: Floats = _numbers(raw)[0] * counts[:, None]
        return weighed
    far, scale = deviations(raw, papers)
    if np.isnan(scale).any():
        far, scale = zscores(_numbers(raw)[0], papers.mask > 0, np.isfinite(raw)), np.ones_like(counts)
    far *= (scale * counts * _standing(signal, candidates))[:, None]
    return far


def _standing(signal: Signal, candidates: CandidateSet) -> float:
    """Return the factor of dense signals: the topical breadth of the archive."""
    return candidates.space.breadth if signal.dense else 1.0


def _raise(relevance: Floats, evidence: Values) -> None:
    """Raise relevance to the evidence where that is higher; NaN counts as none."""
    if isinstance(evidence, SparseValues):
        rows, columns = evidence.cells.rows, evidence.cells.columns
        relevance[rows, columns] = np.fmax(relevance[rows, columns], evidence.values)
    else:
        np.fmax(relevance, evidence, out=relevance)


def is_inactive(signal: Signal, candidates: CandidateSet) -> bool:
    """Return True if a signal needs a dense model and there is none."""
    return signal.dense and candidates.space.is_empty


def weight(signal: Signal, likes: Floats, weights: Weights = WEIGHTS) -> Floats:
    """Return a signal's weight for subscribers with these numbers of likes (n,)."""
    fade = weights.fade / np.maximum(weights.fade + likes, 1e-9) if signal.fades else np.ones_like(likes)
    counts: Floats = (np.float32(weights.of(signal.name)) * fade).astype(np.float32)
    return counts


def _numbers(raw: Floats) -> tuple[Floats, Bools | None]:
    """Return the values with 0 for non-finite ones, and a mask of finite ones (None if all are)."""
    known = np.isfinite(raw)
    return (raw, None) if known.all() else (np.where(known, raw, np.float32(0)), known)
