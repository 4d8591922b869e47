"""The array types of ranking, cells of a table, and sums over groups of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]
Bools: TypeAlias = NDArray[np.bool_]
Sparse: TypeAlias = csr_array[np.float32, tuple[int, int]]
Columns: TypeAlias = NDArray[np.int32]
FEW = 4
"""Groups that are better gone through one by one."""

NOWHERE: Ints = np.zeros(0, dtype=np.intp)

Rows = TypeVar("Rows", Bools, Floats, Ints)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Some cells of a table: their `rows` and `columns` (c,), row by row, each once."""

    rows: Ints
    columns: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, row: int) -> Ints:
        """The columns of one row."""
        start, end = np.searchsorted(self.rows, [row, row + 1])
        return self.columns[start:end]

    def find(self, wanted: "Cells", width: int) -> Ints:
        """The number of each wanted cell of a table of `width` columns among these; −1 for one that is not."""
        keys, sought = self.rows * width + self.columns, wanted.rows * width + wanted.columns
        if not len(keys):
            return np.full(len(sought), -1, dtype=np.intp)
        found = np.minimum(np.searchsorted(keys, sought), len(keys) - 1)
        return np.where(keys[found] == sought, found, -1)

    def to_dense(self, value: float | Floats, shape: tuple[int, int]) -> Floats:
        """The whole table with these values there and 0 elsewhere."""
        table = np.zeros(shape, dtype=np.float32)
        table[self.rows, self.columns] = value
        return table


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Rows that belong together, one run after the other: `sizes` (n,), `starts` (n,), and of each row its `owner`."""

    sizes: Ints
    starts: Ints
    owner: Ints

    def __len__(self) -> int:
        return len(self.sizes)

    def summing(self, weights: Floats, columns: Ints | None = None, width: int | None = None) -> Sparse:
        """What adds each group's rows up, each by its weight (n, rows); `columns`: which rows they are, of `width`."""
        where = np.arange(len(self.owner)) if columns is None else columns
        ends = np.append(self.starts, len(self.owner))
        return sparse(weights, where, ends, len(where) if width is None else width)

    def mean(self, rows: Floats) -> Floats:
        """The mean row of each group: (n, columns); 0 for an empty one."""
        means: Floats = self.summing((1 / np.maximum(self.sizes, 1)).astype(np.float32)[self.owner]) @ rows
        return means

    def best(self, rows: Floats) -> Floats:
        """The largest value per column of each group: (n, columns); 0 for an empty one."""
        filled = np.flatnonzero(self.sizes)
        out = np.zeros((len(self), rows.shape[1]), dtype=rows.dtype)
        if not filled.size:
            return out
        # the n-th of every group at once: ten times as fast as a reduceat down the columns
        order = filled[np.argsort(-self.sizes[filled], kind="stable")]
        starts, longest = self.starts[order], self.sizes[order]
        best = rows[starts]
        for n in range(1, int(longest[0])):
            left = int(np.searchsorted(-longest, -n, side="left"))
            if left <= FEW:  # the few large ones, each at once
                for k, (start, size) in enumerate(zip(starts[:left].tolist(), longest[:left].tolist(), strict=True)):
                    np.maximum(best[k], rows[start + n : start + size].max(axis=0), out=best[k])
                break
            np.maximum(best[:left], rows[starts[:left] + n], out=best[:left])
        out[order] = best
        return out

    def members(self, groups: Ints) -> tuple["Groups", Ints]:
        """The groups named (q,), one may be named often: as groups, and the rows that are in them one by one."""
        chosen = grouped(self.sizes[groups])
        within = np.arange(len(chosen.owner)) - chosen.starts[chosen.owner]
        return chosen, self.starts[groups][chosen.owner] + within

    def peaks(self, values: Floats) -> tuple[Floats, Ints]:
        """Of one value per row: the largest of each group and the first row that has it; 0 and −1 for an empty one."""
        most, where = np.zeros(len(self), dtype=np.float32), np.full(len(self), -1, dtype=np.intp)
        filled = np.flatnonzero(self.sizes)
        if filled.size:
            most[filled] = np.maximum.reduceat(values, self.starts[filled])
            rows = np.flatnonzero(values == most[self.owner])
            where[self.owner[rows[::-1]]] = rows[::-1]
        return most, where


def grouped(sizes: Sequence[int] | Ints) -> Groups:
    """Groups of these sizes."""
    counts = np.asarray(sizes, dtype=np.intp)
    return Groups(counts, np.cumsum(counts) - counts, np.repeat(np.arange(len(counts)), counts))


def cells(rows: Ints, columns: Ints, width: int) -> tuple[Cells, Ints, Ints]:
    """Cells of a table of `width` columns, in order, each once; where each was first named, and how often it was."""
    keys, first, often = np.unique(rows * width + columns, return_index=True, return_counts=True)
    return Cells(keys // max(width, 1), keys % max(width, 1)), first, often


def stacked(columns: Sequence[Ints] | Sequence[Columns], values: Sequence[Floats], width: int) -> Sparse:
    """Sparse rows from one (columns, values) pair per row: (len(columns), width)."""
    ends = np.cumsum([0, *map(len, columns)])
    if not ends[-1]:
        empty: Sparse = csr_array(np.zeros((len(columns), width), dtype=np.float32))
        return empty
    where = np.concatenate(columns).astype(np.int32, copy=False)
    return sparse(np.concatenate(values), where, ends, width)


def sparse(values: Floats, columns: Columns | Ints, ends: Columns | Ints, width: int) -> Sparse:
    """Sparse rows of so many columns from their values one after the other; row i ends at ends[i + 1].

    Places take four bytes each: half the memory, and before a product with places of another kind all are copied.
    """
    where = columns.astype(np.int32, copy=False), ends.astype(np.int32, copy=False)
    return csr_array((values, *where), shape=(len(ends) - 1, width))


def along(values: Rows, order: Ints) -> Rows:
    """Of each row (n, m) the values in these columns (n, w), in their order: a third of `np.take_along_axis`'s time."""
    ordered: Rows = values.ravel().take(cells_along(order, values.shape[1]))
    return ordered


def cells_along(order: Ints, width: int) -> Ints:
    """Where these columns (n, w) of each row stand in a table of that width that is laid out in one row."""
    return order + (np.arange(len(order)) * width)[:, None]


def marked(marks: Bools) -> Cells:
    """The cells (n, m) that are marked, row by row."""
    rows, columns = np.divmod(np.flatnonzero(marks), marks.shape[1] or 1)
    return Cells(rows, columns)


def above(values: Floats, floor: float) -> Floats:
    """Evidence in [0, 1]: 0 up to `floor`, rising linearly to 1 at the value 1."""
    if floor >= 1:
        return np.zeros_like(values)
    out: Floats = values - np.float32(floor)
    out *= np.float32(1 / (1 - floor))
    return np.clip(out, 0, 1, out=out)
