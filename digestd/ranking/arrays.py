"""Array types, sparse cells of a table, and sums over groups of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats: TypeAlias = NDArray[np.float32]
Halves: TypeAlias = NDArray[np.float16]
Doubles: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]
Bools: TypeAlias = NDArray[np.bool_]
Sparse: TypeAlias = csr_array[np.float32, tuple[int, int]]
Columns: TypeAlias = NDArray[np.int32]
FEW = 4
"""Up to this many groups, a loop is faster than one vectorised step per rank."""

NOWHERE: Ints = np.zeros(0, dtype=np.intp)

Rows = TypeVar("Rows", Bools, Floats, Ints)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A set of cells of a table: their `rows` and `columns` (c,), in row order, without duplicates."""

    rows: Ints
    columns: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, row: int) -> Ints:
        start, end = np.searchsorted(self.rows, [row, row + 1])
        return self.columns[start:end]

    def find(self, wanted: "Cells", width: int) -> Ints:
        """Return the position of each wanted cell in this set, −1 if absent.

        `width`: columns of the table.
        """
        keys, sought = self.rows * width + self.columns, wanted.rows * width + wanted.columns
        if not len(keys):
            return np.full(len(sought), -1, dtype=np.intp)
        found = np.minimum(np.searchsorted(keys, sought), len(keys) - 1)
        return np.where(keys[found] == sought, found, -1)

    def to_dense(self, value: float | Floats, shape: tuple[int, int]) -> Floats:
        """Return the full table, with `value` in these cells and 0 elsewhere."""
        table = np.zeros(shape, dtype=np.float32)
        table[self.rows, self.columns] = value
        return table


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Consecutive runs of rows.

    Their `sizes` (n,) and `starts` (n,), and the `owner` (group number) of each row.
    """

    sizes: Ints
    starts: Ints
    owner: Ints

    def __len__(self) -> int:
        return len(self.sizes)

    def summing(self, weights: Floats, columns: Ints | None = None, width: int | None = None) -> Sparse:
        """Return the sparse matrix (n, width) that sums each group's rows, weighted.

        Args:
            weights: One weight per row.
            columns: The table row that each row stands for; the rows themselves if None.
            width: Number of rows in the table.
        """
        where = np.arange(len(self.owner)) if columns is None else columns
        ends = np.append(self.starts, len(self.owner))
        return sparse(weights, where, ends, len(where) if width is None else width)

    def mean(self, rows: Floats) -> Floats:
        """Return the mean row of each group (n, columns); 0 for an empty group."""
        means: Floats = self.summing((1 / np.maximum(self.sizes, 1)).astype(np.float32)[self.owner]) @ rows
        return means

    def best(self, rows: Floats) -> Floats:
        """Return the column-wise maximum of each group (n, columns); 0 for an empty group."""
        filled = np.flatnonzero(self.sizes)
        out = np.zeros((len(self), rows.shape[1]), dtype=rows.dtype)
        if not filled.size:
            return out
        # the n-th row of every group at once: ten times as fast as np.maximum.reduceat
        order = filled[np.argsort(-self.sizes[filled], kind="stable")]
        starts, longest = self.starts[order], self.sizes[order]
        best = rows[starts]
        for n in range(1, int(longest[0])):
            left = int(np.searchsorted(-longest, -n, side="left"))
            if left <= FEW:  # the few largest groups, one reduction each
                for k, (start, size) in enumerate(zip(starts[:left].tolist(), longest[:left].tolist(), strict=True)):
                    np.maximum(best[k], rows[start + n : start + size].max(axis=0), out=best[k])
                break
            np.maximum(best[:left], rows[starts[:left] + n], out=best[:left])
        out[order] = best
        return out

    def mean_of_best(self, rows: Floats, count: int) -> Floats:
        """Return the mean of the `count` largest values of each group and column (n, columns); 0 for an empty group."""
        out = np.zeros((len(self), rows.shape[1]), dtype=rows.dtype)
        order = np.argsort(-self.sizes, kind="stable")[: np.count_nonzero(self.sizes)]
        starts, longest = self.starts[order], self.sizes[order]
        best = np.full((count, len(order), rows.shape[1]), -np.inf, dtype=rows.dtype)  # largest first
        for n in range(int(longest[0]) if len(order) else 0):
            left = int(np.searchsorted(-longest, -n, side="left"))
            if left <= FEW:
                for k, (start, size) in enumerate(zip(starts[:left].tolist(), longest[:left].tolist(), strict=True)):
                    own = np.concatenate([best[:, k], rows[start + n : start + size]])
                    best[:, k] = np.sort(own, axis=0)[::-1][:count]
                break
            value = rows[starts[:left] + n]
            for place in best[:, :left]:  # insert into the sorted values
                lower = np.minimum(place, value)
                np.maximum(place, value, out=place)
                value = lower
        found = np.minimum(longest, count)
        total = np.where(np.arange(count)[:, None, None] < found[:, None], best, 0).sum(axis=0)
        out[order] = total / np.maximum(found, 1)[:, None]
        return out

    def mean_of_largest(self, values: Floats, count: int) -> Floats:
        """Return the mean of each group's `count` largest of one value per row (n,); 0 for an empty group."""
        left, total = values.copy(), np.zeros(len(self))
        for n in range(count):  # several times as fast as sorting
            most, where = self.peaks(left)
            more = self.sizes > n
            total[more] += most[more]
            left[where[more]] = -np.inf
        means: Floats = (total / np.clip(self.sizes, 1, count)).astype(np.float32)
        return means

    def members(self, groups: Ints) -> tuple["Groups", Ints]:
        """Return the chosen groups (q,) as new groups, and the rows in each.

        Repeats are allowed.
        """
        chosen = grouped(self.sizes[groups])
        within = np.arange(len(chosen.owner)) - chosen.starts[chosen.owner]
        return chosen, self.starts[groups][chosen.owner] + within

    def peaks(self, values: Floats) -> tuple[Floats, Ints]:
        """Return each group's maximum of one value per row, and its first row; 0 and −1 for an empty group."""
        most, where = np.zeros(len(self), dtype=np.float32), np.full(len(self), -1, dtype=np.intp)
        filled = np.flatnonzero(self.sizes)
        if filled.size:
            most[filled] = np.maximum.reduceat(values, self.starts[filled])
            rows = np.flatnonzero(values == most[self.owner])
            where[self.owner[rows[::-1]]] = rows[::-1]
        return most, where


def grouped(sizes: Sequence[int] | Ints) -> Groups:
    counts = np.asarray(sizes, dtype=np.intp)
    return Groups(counts, np.cumsum(counts) - counts, np.repeat(np.arange(len(counts)), counts))


def distinct(values: Ints) -> Ints:
    """Return the distinct values (n,) in ascending order.

    `np.unique` of NumPy 2.3 and later hashes them, which takes up to a hundred times as long.
    """
    ordered = np.sort(values)
    found: Ints = ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0]
    return found


def cells(rows: Ints, columns: Ints, width: int) -> tuple[Cells, Ints, Ints]:
    """Deduplicate cells of a table of `width` columns.

    Returns:
        The distinct cells in order, the index of the first occurrence of each, and the number of occurrences.
    """
    keys, first, often = np.unique(rows * width + columns, return_index=True, return_counts=True)
    return Cells(keys // max(width, 1), keys % max(width, 1)), first, often


def stacked(columns: Sequence[Ints] | Sequence[Columns], values: Sequence[Floats], width: int) -> Sparse:
    """Return a sparse matrix (k, width) from one (columns, values) pair per row."""
    ends = np.cumsum([0, *map(len, columns)])
    if not ends[-1]:
        empty: Sparse = csr_array(np.zeros((len(columns), width), dtype=np.float32))
        return empty
    where = np.concatenate(columns).astype(np.int32, copy=False)
    return sparse(np.concatenate(values), where, ends, width)


def sparse(values: Floats, columns: Columns | Ints, ends: Columns | Ints, width: int) -> Sparse:
    """Return a sparse matrix from concatenated row values; row i ends at ends[i + 1].

    Indices take 32 bits: SciPy converts mixed index types before every product.
    """
    where = columns.astype(np.int32, copy=False), ends.astype(np.int32, copy=False)
    return csr_array((values, *where), shape=(len(ends) - 1, width))


def along(values: Rows, order: Ints) -> Rows:
    """Return, for each row of (n, m), the values in the columns `order` (n, w).

    Faster than `np.take_along_axis`.
    """
    ordered: Rows = values.ravel().take(cells_along(order, values.shape[1]))
    return ordered


def cells_along(order: Ints, width: int) -> Ints:
    """Return the flat positions of the columns `order` (n, w).

    The table has `width` columns.
    """
    return order + (np.arange(len(order)) * width)[:, None]


def marked(marks: Bools) -> Cells:
    """Return the cells (n, m) that are True, in row order."""
    rows, columns = np.divmod(np.flatnonzero(marks), marks.shape[1] or 1)
    return Cells(rows, columns)


def above(values: Floats, floor: float) -> Floats:
    """Map values linearly to [0, 1]: 0 up to `floor`, 1 at the value 1."""
    if floor >= 1:
        return np.zeros_like(values)
    out: Floats = values - np.float32(floor)
    out *= np.float32(1 / (1 - floor))
    return np.clip(out, 0, 1, out=out)
