"""The archive: texts that the model was fitted on, kept to look topics up in and as everybody's "not this".

A topic of two or three words meets few of the day's papers; the archive's papers that it meets best
say in some hundred words what it means (pseudo-relevance feedback: Rocchio 1971; Ruthven & Lalmas
2003). All topics of a subscriber are looked up together: papers that several of them meet say most of
what they have in common. The first SHORT by BM25 (Robertson & Zaragoza 2009, eq. 3.15) are ordered anew by
(BM25 · (½ + latent cosine with the topics))², and the first HITS count by their shares of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from digestd.ranking.arrays import Floats, Ints, Sparse, sparse, stacked

SHORT = 30
CHAMPIONS = 2_000
"""Texts that a term is looked up in, those where it weighs most (Manning et al. 2008, 7.1.3): a bound on cost."""
HITS = 5
"""With 10 a topic is already blurred, measured .003 to .02 worse; so is the order by BM25 alone, .004 to .006."""
K1 = 1.5
B = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """r texts: `rows` (r, V) TF-IDF and `dense` (r, d) latent, of length 1; `postings` (V, r) BM25 weights."""

    rows: Sparse
    dense: Floats
    postings: Sparse

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def best(self, queries: Sequence[Ints], meanings: Floats) -> list[tuple[Ints, Floats]]:
        """For each query (columns of its terms) the texts that it meets best, and their shares of the whole.

        `meanings` (n, d): the latent place of each, of any length.
        """
        ones = [np.ones(len(query), dtype=np.float32) for query in queries]
        found: Sparse = (stacked(queries, ones, self.rows.shape[1]) @ self.postings).tocsr()
        lengths = np.linalg.norm(meanings, axis=1, keepdims=True)
        places = meanings / np.maximum(lengths, 1e-9)
        out = []
        for i, (start, end) in enumerate(pairwise(found.indptr)):
            rows, met = _first(SHORT, found.indices[start:end].astype(np.intp), found.data[start:end])
            rows, met = _first(HITS, rows, np.square(met * np.maximum(0.5 + self.dense[rows] @ places[i], 0)))
            out.append((rows, (met / max(float(met.sum()), 1e-9)).astype(np.float32)))
        return out


def build_archive(tf: Sparse, rows: Sparse, dense: Floats, idf: Floats) -> Archive:
    """From counts (titles twice) and TF-IDF rows (r, V), latent rows (r, d), and the idf (V,) of BM25."""
    return Archive(rows, dense, _champions(bm25(tf, idf).T.tocsr()))


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


def _champions(postings: Sparse) -> Sparse:
    """Each row with its CHAMPIONS largest values; the others are dropped."""
    keep = np.ones(len(postings.data), dtype=np.bool_)
    for row in np.flatnonzero(np.diff(postings.indptr) > CHAMPIONS):
        own = slice(*postings.indptr[row : row + 2])
        keep[own] = postings.data[own] >= np.partition(postings.data[own], -CHAMPIONS)[-CHAMPIONS]
    before = np.concatenate([[0], np.cumsum(keep)])
    return sparse(postings.data[keep], postings.indices[keep], before[postings.indptr], postings.shape[1])


def _first(count: int, rows: Ints, weights: Floats) -> tuple[Ints, Floats]:
    """The rows of most weight, the earlier one of equals."""
    if len(rows) > count:
        kept = np.flatnonzero(weights >= np.partition(weights, -count)[-count])
        rows, weights = rows[kept], weights[kept]
    order = np.lexsort((rows, -weights))[:count]
    return rows[order], weights[order]
