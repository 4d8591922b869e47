"""Profile records: a subscriber's compiled profile as bytes, and many of them as arrays.

A record is a header with the length of each run of numbers (4 bytes each) and of the text, then the runs, then the
text. A block of records is decoded with a few array operations.
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
    """The same run of each of n records, concatenated, and the groups that say whose values are whose."""

    raw: NDArray[np.int32]
    groups: Groups

    @property
    def ints(self) -> Ints:
        """Return the values as integers."""
        return self.raw.astype(np.intp)

    @property
    def floats(self) -> Floats:
        """Return the values as single-precision numbers."""
        return self.raw.view(np.float32)


def pack(runs: Sequence[Run], text: str) -> bytes:
    """Encode one record."""
    said = text.encode()
    head = np.array([*map(len, runs), len(said)], dtype="<i4")
    return b"".join([head.tobytes(), *(run.astype(f"<{run.dtype.kind}4").tobytes() for run in runs), said])


def unpack(records: Sequence[bytes], count: int) -> tuple[list[RecordColumn], list[slice]]:
    """Decode the `count` runs of each record, and locate its text."""
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
