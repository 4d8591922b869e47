"""The archive: texts that the model was fitted on, kept to look topics up in and as everybody's "not this".

A topic of two or three words meets few of the day's papers; the archive's papers that it meets best
say in some hundred words what it means (pseudo-relevance feedback: Rocchio 1971; Ruthven & Lalmas
2003). Found by BM25 (Robertson & Zaragoza 2009, eq. 3.15) over all topics of a subscriber together: papers that
several of them meet say most of what they have in common.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Floats, Ints, Sparse, stacked

HITS = 5
"""Papers looked at: with 10 a topic is already blurred, measured .003 to .02 worse."""
K1 = 1.5
B = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """r texts: `rows` (r, V) TF-IDF of length 1, `postings` (V, r) BM25 weights."""

    rows: Sparse
    postings: Sparse

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def best(self, queries: Sequence[Ints]) -> list[tuple[Ints, Floats]]:
        """For each query (columns of its terms) the texts that it meets best, and their shares of the whole."""
        ones = [np.ones(len(query), dtype=np.float32) for query in queries]
        found: Sparse = (stacked(queries, ones, self.rows.shape[1]) @ self.postings).tocsr()
        ends = found.indptr
        return [
            _top(found.indices[start:end].astype(np.intp), found.data[start:end])
            for start, end in zip(ends, ends[1:], strict=False)
        ]


def build_archive(tf: Sparse, rows: Sparse, idf: Floats) -> Archive:
    """From counts and TF-IDF rows (r, V); `idf` (V,) for BM25."""
    return Archive(rows, bm25(tf, idf).T.tocsr())


def bm25(tf: Sparse, idf: Floats) -> Sparse:
    """The weight of each term in each text: idf · tf (k₁+1) / (tf + k₁(1 − b + b·length/mean)): as `tf`."""
    lengths = np.asarray(tf.sum(axis=1), dtype=np.float32)
    mean = max(float(lengths.mean()), 1.0) if lengths.size else 1.0
    scale = np.repeat(K1 * (1 - B + B * lengths / mean), np.diff(tf.indptr))
    weights = tf.copy()
    weights.data = (idf[tf.indices] * tf.data * (K1 + 1) / (tf.data + scale)).astype(np.float32)
    return weights


def rarity(frequency: Floats | float, texts: int) -> Floats:
    """The idf of BM25, ln(1 + (N − df + ½)/(df + ½)): never negative."""
    df = np.minimum(np.asarray(frequency, dtype=np.float32), texts)
    value: Floats = np.log1p((texts - df + 0.5) / (df + 0.5)).astype(np.float32)
    return value


def _top(rows: Ints, weights: Floats) -> tuple[Ints, Floats]:
    if len(rows) > HITS:
        kept = np.argpartition(-weights, HITS - 1)[:HITS]
        rows, weights = rows[kept], weights[kept]
    order = np.lexsort((rows, -weights))
    shares: Floats = (weights[order] / max(float(weights.sum()), 1e-9)).astype(np.float32)
    return rows[order], shares
