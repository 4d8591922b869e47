"""Score fusion: z-score each signal within the day, weight it, and add up.

For each subscriber s = Σ w · z(signal) over the selectable papers; boosts are added unscaled. The weight of topic
signals fades with likes, w · a/(a + likes): equal weight next to likes costs .018 nDCG@10. Z-scores beat reciprocal
rank fusion by .003 to .005. A signal that is equal for all papers contributes 0.

The weights are fitted by `python -m tests.fitting weights` and stored in `weights.json` next to this file. Followed
authors, phrases and categories keep fixed weights: they are promises to the subscriber, not estimates.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from math import isfinite

import numpy as np

from digestd.ranking.arrays import Bools, Floats
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profile, Profiles, as_block
from digestd.ranking.signals import SIGNALS, Signal
from digestd.ranking.signals.base import SparseValues, Values, to_dense

EQUAL_SHARE = 1e-5
"""A standard deviation below this share of the mean is rounding: the values are equal."""
Z_MAX = np.float32(6)
"""The largest z-score: one paper that is alone with a rare word must not outweigh all other signals."""


@dataclass(frozen=True, slots=True)
class Weights:
    """`signals`: name → weight.

    `fade`: the number of likes at which the weight of topic signals is halved.
    """

    signals: Mapping[str, float]
    fade: float

    def of(self, name: str) -> float:
        return self.signals.get(name, 0.0)


def parse_weights(text: str) -> Weights:
    """Parse a weights file. Raises ValueError with the problem."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or set(found) != {"fade", "signals"} or not isinstance(found["signals"], dict):
        raise ValueError('is not a weights file: expected {"fade": number, "signals": {name: number}}')
    for name, value in {**found["signals"], "fade": found["fade"]}.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
            raise ValueError(f"the weight of {name} must be a number from 0 up")
    return Weights({name: float(value) for name, value in found["signals"].items()}, float(found["fade"]))


WEIGHTS = parse_weights(files(__package__).joinpath("weights.json").read_text(encoding="utf-8"))


def dump_weights(weights: Weights) -> str:
    return json.dumps({"fade": weights.fade, "signals": dict(weights.signals)}, indent=2) + "\n"


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
    among = as_block(profiles, candidates)
    total = np.zeros((len(among), len(candidates)), dtype=np.float32)
    relevance = np.zeros_like(total)
    likes, papers = _likes(among), population(eligible, total.shape)
    for signal in (signal for signal in SIGNALS if not is_inactive(signal, candidates)):
        counts = signal_weight(signal, likes, weights)
        raw = signal.score(candidates, among)
        if isinstance(raw, SparseValues) and signal.boost:
            total[raw.cells.rows, raw.cells.columns] += counts[raw.cells.rows] * raw.values
        else:
            total += _weighted(signal, to_dense(raw, candidates, among), papers, counts)
        if signal.evidence is not None:
            _raise(relevance, signal.evidence(candidates, among))
    np.minimum(relevance, 1, out=relevance)
    allowed = np.ones(total.shape, dtype=np.bool_)
    allowed[among.muted.rows, among.muted.columns] = False
    return Scores(total, relevance, allowed)


def relevance(candidates: CandidateSet, profiles: Sequence[Profile]) -> Floats:
    return score(candidates, profiles).relevance


def score_breakdown(
    candidates: CandidateSet, profile: Profile, j: int, eligible: Bools | None = None
) -> list[SignalContribution]:
    """Return the contribution of each signal to the score of paper j.

    Args:
        eligible: (m,) a row as in `score`.
    """
    alone = as_block([profile], candidates)
    likes = _likes(alone)
    found = []
    for signal, (raw, z) in zip(
        SIGNALS, signal_values(candidates, alone, None if eligible is None else eligible[None, :]), strict=True
    ):
        if not is_inactive(signal, candidates):
            counts, entering = float(signal_weight(signal, likes)[0]), float(z[0, j])
            found.append(SignalContribution(signal.name, float(raw[0, j]), entering, counts, counts * entering))
    return found


def signal_values(
    candidates: CandidateSet, profiles: Sequence[Profile], eligible: Bools | None = None
) -> Iterator[tuple[Floats, Floats]]:
    """Yield for each signal its raw values and those that enter the sum, both (n, m)."""
    among = as_block(profiles, candidates)
    for signal in SIGNALS:
        raw, known = _finite(to_dense(signal.score(candidates, among), candidates, among))
        yield (
            raw,
            raw if signal.boost or is_inactive(signal, candidates) else zscores(raw, eligible, known),
        )


def signal_weight(signal: Signal, likes: Floats, weights: Weights = WEIGHTS) -> Floats:
    fade = weights.fade / np.maximum(weights.fade + likes, 1e-9) if signal.fades else np.ones_like(likes)
    counts: Floats = (np.float32(weights.of(signal.name)) * fade).astype(np.float32)
    return counts


def is_inactive(signal: Signal, candidates: CandidateSet) -> bool:
    return (signal.dense and candidates.space.is_empty) or (signal.community and candidates.community.is_empty)


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """The values of each row (n, m) that z-scores are computed over, as a 0/1 `mask` and its row sums `count`."""

    mask: Floats
    count: Floats


def population(eligible: Bools | None, shape: tuple[int, int]) -> Population:
    mask = np.ones(shape, dtype=np.float32) if eligible is None else eligible.astype(np.float32)
    return Population(mask, np.maximum(mask.sum(axis=1), 1))


def deviations(raw: Floats, among: Population) -> tuple[Floats, Floats]:
    """Return the deviations from the row mean (n, m) and their scale (n,).

    The scale is the factor that turns them into z-scores.

    The factor is 0 if all values are equal, and NaN if one of the row is not finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.vecdot(raw, among.mask) / among.count
        if not np.isfinite(mean).all():
            mean = (np.vecdot(raw.astype(np.float64), among.mask) / among.count).astype(np.float32)
        far = raw - mean[:, None]
        deviation = np.sqrt(np.vecdot(far, far * among.mask) / among.count)
        scale = np.where(deviation > EQUAL_SHARE * np.abs(mean) + 1e-9, 1 / np.maximum(deviation, 1e-9), 0)
    return far, np.where(np.isfinite(mean), scale, np.nan).astype(np.float32)


def zscores(raw: Floats, eligible: Bools | None = None, known: Bools | None = None) -> Floats:
    """Return z-scores of each row over its eligible papers: 0 if values are equal or unknown."""
    if known is not None:
        z: Floats = zscores(raw, known if eligible is None else eligible & known) * known
        return z
    far, scale = deviations(raw, population(eligible, raw.shape))
    far *= scale[:, None]
    return np.clip(far, -Z_MAX, Z_MAX, out=far)


def _likes(profiles: Profiles) -> Floats:
    return profiles.feedback.likes.sizes.astype(np.float32)


def _weighted(signal: Signal, raw: Floats, papers: Population, counts: Floats) -> Floats:
    """Return the weighted contribution of a signal."""
    if signal.boost:
        weighed: Floats = _finite(raw)[0] * counts[:, None]
        return weighed
    far, scale = deviations(raw, papers)
    if np.isnan(scale).any():
        far, scale = zscores(_finite(raw)[0], papers.mask > 0, np.isfinite(raw)), np.ones_like(counts)
    far *= scale[:, None]
    np.clip(far, -Z_MAX, Z_MAX, out=far)
    far *= counts[:, None]
    return far


def _raise(relevance: Floats, evidence: Values) -> None:
    """Raise relevance to the evidence where that is higher; NaN counts as none."""
    if isinstance(evidence, SparseValues):
        rows, columns = evidence.cells.rows, evidence.cells.columns
        relevance[rows, columns] = np.fmax(relevance[rows, columns], evidence.values)
    else:
        np.fmax(relevance, evidence, out=relevance)


def _finite(raw: Floats) -> tuple[Floats, Bools | None]:
    """Return the values with 0 for non-finite ones, and a mask.

    The mask shows finite ones; it is None if all are.
    """
    known = np.isfinite(raw)
    return (raw, None) if known.all() else (np.where(known, raw, np.float32(0)), known)
