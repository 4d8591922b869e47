"""Echoes: the archive's papers that a subscriber's topics meet best, and what the day holds like them.

Many subscribers have topics in common, so a run keeps the cosines it met: at most archive × pool.
This only saves time: with or without it, every number is the same.
"""

from dataclasses import dataclass

import numpy as np

from digestd.ranking.archive import Archive
from digestd.ranking.arrays import Bools, Columns, Floats, Sparse, sparse


@dataclass(frozen=True, slots=True, eq=False)
class ExpansionIndex:
    """The way from archive papers to a pool of m, `across` (V, m): `cosine` (r, m) holds what was asked for so far, in
    half precision."""

    archive: Archive
    across: Sparse
    cosine: Floats
    done: Bools

    def like(self, shares: Sparse) -> Floats:
        """TF-IDF cosine of each paper with archive papers, on average by their shares (n, r): (n, m)."""
        wanted, columns = np.unique(shares.indices, return_inverse=True)
        self._look_up(wanted[~self.done[wanted]])
        means: Floats = sparse(shares.data, columns, shares.indptr, len(wanted)) @ self.cosine[wanted]
        return means

    def _look_up(self, rows: Columns) -> None:
        if rows.size:
            self.cosine[rows] = (self.archive.rows[rows] @ self.across).toarray()
            self.done[rows] = True


def build_expansion_index(archive: Archive, across: Sparse) -> ExpansionIndex:
    """Before the TF-IDF columns (V, m) of a pool; nothing is looked up yet."""
    cosine = np.zeros((len(archive), across.shape[1]), dtype=np.float32)
    return ExpansionIndex(archive, across, cosine, np.zeros(len(archive), dtype=np.bool_))
