"""Query expansion by pseudo-relevance feedback: candidates similar to the archive papers that match the topics.

Many subscribers share topics, so a run caches the cosines it has computed: at most archive × candidates. The cache
never changes a result.
"""

from dataclasses import dataclass

import numpy as np

from digestd.ranking.archive import Archive
from digestd.ranking.arrays import Bools, Columns, Floats, Sparse, sparse


@dataclass(frozen=True, slots=True, eq=False)
class ExpansionIndex:
    """Cosines between archive papers and m candidates.

    Attributes:
        across: (V, m) TF-IDF columns of the candidates.
        cosine, done: (r, m) cosines computed so far, and which rows those are.
    """

    archive: Archive
    across: Sparse
    cosine: Floats
    done: Bools

    def like(self, shares: Sparse) -> Floats:
        """Return the weighted mean TF-IDF cosine (n, m) of each candidate with archive papers.

        Args:
            shares: (n, r) weights of the archive papers.
        """
        wanted, columns = np.unique(shares.indices, return_inverse=True)
        self._look_up(wanted[~self.done[wanted]])
        means: Floats = sparse(shares.data, columns, shares.indptr, len(wanted)) @ self.cosine[wanted]
        return means

    def _look_up(self, rows: Columns) -> None:
        if rows.size:
            self.cosine[rows] = (self.archive.rows[rows] @ self.across).toarray()
            self.done[rows] = True


def build_expansion_index(archive: Archive, across: Sparse) -> ExpansionIndex:
    """Return an empty cache for the TF-IDF columns (V, m) of the candidates."""
    cosine = np.zeros((len(archive), across.shape[1]), dtype=np.float32)
    return ExpansionIndex(archive, across, cosine, np.zeros(len(archive), dtype=np.bool_))
