"""Standard scores: how far a value is from the mean of its row, in standard deviations, over the papers that count."""

from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Bools, Floats

EVEN = 1e-5
"""A deviation of no more than this part of the mean is rounding: the values do not differ."""


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """What rows of m values are standardised over: `mask` (n, m), 1 for what counts, and `count` (n,) of it."""

    mask: Floats
    count: Floats


def population(eligible: Bools | None, shape: tuple[int, int]) -> Population:
    """Over the eligible values of each row (n, m); all if None."""
    mask = np.ones(shape, dtype=np.float32) if eligible is None else eligible.astype(np.float32)
    return Population(mask, np.maximum(mask.sum(axis=1), 1))


def deviations(raw: Floats, among: Population) -> tuple[Floats, Floats]:
    """How far values are from the mean of their row (n, m), and what makes standard scores of that (n,).

    The latter is 0 where they do not differ, and NaN where one of the row is no number.
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
    """(raw − mean)/deviation of each row over its eligible papers; 0 where they do not differ or nothing is known."""
    if known is not None:
        z: Floats = zscores(raw, known if eligible is None else eligible & known) * known
        return z
    far, scale = deviations(raw, population(eligible, raw.shape))
    far *= scale[:, None]
    return far
