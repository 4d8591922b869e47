"""The array types of ranking, and sums over groups of rows."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]
Bools: TypeAlias = NDArray[np.bool_]
Sparse: TypeAlias = csr_array[np.float32, tuple[int, int]]


def stacked(columns: Sequence[Ints], values: Sequence[Floats], width: int) -> Sparse:
    """Sparse rows from one (columns, values) pair per row: (len(columns), width)."""
    ends = np.cumsum([0, *map(len, columns)])
    if not ends[-1]:
        empty: Sparse = csr_array(np.zeros((len(columns), width), dtype=np.float32))
        return empty
    return csr_array((np.concatenate(values), np.concatenate(columns), ends), shape=(len(columns), width))


def best_of_groups(rows: Floats, counts: Sequence[int]) -> Floats:
    """The largest value per column of each run of `counts[i]` rows: (len(counts), columns); 0 for an empty run."""
    sizes = np.array(counts, dtype=np.intp)
    filled = np.flatnonzero(sizes)
    out = np.zeros((len(counts), rows.shape[1]), dtype=np.float32)
    if not filled.size:
        return out
    # the n-th of every group at once: ten times as fast as a reduceat down the columns
    order = filled[np.argsort(-sizes[filled], kind="stable")]
    starts = (np.cumsum(sizes) - sizes)[order]
    longest = sizes[order]
    best = rows[starts]
    for n in range(1, int(longest[0])):
        left = int(np.searchsorted(-longest, -n, side="left"))
        np.maximum(best[:left], rows[starts[:left] + n], out=best[:left])
    out[order] = best
    return out


def above_one(value: float, floor: float) -> float:
    """The same of one value."""
    return 0.0 if floor >= 1 else min(max((value - floor) / (1 - floor), 0.0), 1.0)


def above(values: Floats, floor: float) -> Floats:
    """Evidence in [0, 1]: 0 up to `floor`, rising linearly to 1 at the value 1."""
    if floor >= 1:
        return np.zeros_like(values)
    clipped: Floats = np.clip((values - np.float32(floor)) / np.float32(1 - floor), 0, 1)
    return clipped
