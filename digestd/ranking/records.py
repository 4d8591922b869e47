"""Records: what is known of one subscriber as bytes, and what a block of them holds as arrays.

A record has some runs of numbers, four bytes each, and a text. First stand the lengths of the runs and of
the text in bytes, then the runs, then the text. Many records are taken apart with a few operations on
arrays, however many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from digestd.ranking.arrays import Floats, Groups, Ints, grouped

Run: TypeAlias = NDArray[np.int32] | Ints | Floats


@dataclass(frozen=True, slots=True, eq=False)
class RecordColumn:
    """One run of each of n records, joined: `values` (all of them) and whose they are."""

    raw: NDArray[np.int32]
    groups: Groups

    @property
    def ints(self) -> Ints:
        """The values as whole numbers."""
        return self.raw.astype(np.intp)

    @property
    def floats(self) -> Floats:
        """The values as numbers of single precision."""
        return self.raw.view(np.float32)


def pack(runs: Sequence[Run], text: str) -> bytes:
    """One record."""
    said = text.encode()
    head = np.array([*map(len, runs), len(said)], dtype="<i4")
    return b"".join([head.tobytes(), *(run.astype(f"<{run.dtype.kind}4").tobytes() for run in runs), said])


def unpack(records: Sequence[bytes], count: int) -> tuple[list[RecordColumn], list[slice]]:
    """The `count` runs of each record, and where in each its text stands."""
    heads = np.frombuffer(b"".join(record[: 4 * (count + 1)] for record in records), dtype="<i4")
    lengths = heads.reshape(len(records), count + 1).astype(np.intp)
    numbers = lengths[:, :count].sum(axis=1)
    first = 4 * (count + 1)
    ends = (first + 4 * numbers).tolist()
    whole = np.frombuffer(b"".join(record[first:end] for record, end in zip(records, ends, strict=True)), dtype="<i4")
    starts = np.cumsum(numbers) - numbers
    runs = []
    for length in lengths[:, :count].T:
        groups = grouped(length)
        runs.append(RecordColumn(whole[(starts - groups.starts)[groups.owner] + np.arange(len(groups.owner))], groups))
        starts = starts + length
    return runs, [slice(end, end + size) for end, size in zip(ends, lengths[:, count].tolist(), strict=True)]
