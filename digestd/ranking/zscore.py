"""Standard scores (z-scores): distance from the row mean in standard deviations, over the papers that count."""

from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Bools, Floats

EVEN = 1e-5
"""A standard deviation below this share of the mean is rounding: the values are equal."""


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """The values of each row (n, m) that z-scores are computed over: a 0/1 `mask` and its row sums `count`."""

    mask: Floats
    count: Floats


def population(eligible: Bools | None, shape: tuple[int, int]) -> Population:
    """Return the population of eligible values (n, m); all if None."""
    mask = np.ones(shape, dtype=np.float32) if eligible is None else eligible.astype(np.float32)
    return Population(mask, np.maximum(mask.sum(axis=1), 1))


def deviations(raw: Floats, among: Population) -> tuple[Floats, Floats]:
    """Return the deviations from the row mean (n, m), and the factor that turns them into z-scores (n,).

    The factor is 0 if all values are equal, and NaN if one of the row is not finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.vecdot(raw, among.mask) / among.count
        if not np.isfinite(mean).all():
            mean = (np.vecdot(raw.astype(np.float64), among.mask) / among.count).astype(np.float32)
        far = raw - mean[:, None]
        deviation = np.sqrt(np.vecdot(far, far * among.mask) / among.count)
        scale = np.where(deviation > EVEN * np.abs(mean) + 1e-9, 1 / np.maximum(deviation, 1e-9), 0)
    return far, np.where(np.isfinite(mean), scale, np.nan).astype(np.float32)


def zscores(raw: Floats, eligible: Bools | None = None, known: Bools | None = None) -> Floats:
    """Return z-scores of each row over its eligible papers; 0 if values are equal or unknown."""
    if known is not None:
        z: Floats = zscores(raw, known if eligible is None else eligible & known) * known
        return z
    far, scale = deviations(raw, population(eligible, raw.shape))
    far *= scale[:, None]
    return far
