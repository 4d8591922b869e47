"""Terms: stems and pairs of neighbouring stems, which of them are kept, and how often a text has them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from digestd.ranking.arrays import Floats, Sparse

TERMS = 300_000
"""Rare terms are kept: names coined by one group tell most. 60,000 measured .014 less in nDCG@10 on HF authors."""
TINY = 50
"""Below this many texts a term of a single text counts as well."""


def grams(stems: Sequence[str]) -> list[str]:
    """The stems and each pair of neighbours."""
    return [*stems, *map(" ".join, pairwise(stems))]


def choose(docs: Sequence[Sequence[str]]) -> tuple[dict[str, int], Floats]:
    """The commonest terms, the commonest in the first columns, and in how many texts each stands (V,)."""
    seen: Counter[str] = Counter()
    for doc in docs:
        seen.update(set(grams(doc)))
    least = 1 if len(docs) < TINY else 2
    terms = sorted((term for term, n in seen.items() if n >= least), key=lambda term: (-seen[term], term))
    kept = terms[:TERMS]
    return {term: i for i, term in enumerate(kept)}, np.array([seen[term] for term in kept], dtype=np.float32)


def counts(docs: Sequence[Sequence[str]], vocabulary: Mapping[str, int]) -> Sparse:
    """How often each known term stands in each text: (n, V)."""
    columns: list[int] = []
    values: list[int] = []
    ends = [0]
    for doc in docs:
        found = Counter(filter(vocabulary.__contains__, grams(doc)))
        columns.extend(map(vocabulary.__getitem__, found))
        values.extend(found.values())
        ends.append(len(columns))
    data = np.array(values, dtype=np.float32)
    where = np.array(columns, dtype=np.int32)
    rows: Sparse = csr_array((data, where, np.array(ends)), shape=(len(docs), len(vocabulary)))
    rows.sort_indices()
    return rows
