"""The vocabulary: stems and pairs of adjacent stems, which of them are kept, and their counts.

In a corpus a term is an integer key: a stem's number plus 1, or for a pair the first stem's key · 2²⁶ plus the
second's. The pairs of 100,000 texts as strings would take gigabytes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from digestd.ranking.arrays import Floats, Sparse, sparse
from digestd.ranking.corpus import Corpus

TERMS = 300_000
"""Rare terms are kept: names coined by one group are telling. 60,000 measured .014 less nDCG@10 on HF authors."""
TINY = 50
"""In a smaller corpus, terms of a single text are kept as well."""
CHUNK = 2_000
"""Texts processed together: their number needs 11 bits next to the 52 of a key."""
_STEM = 26
_TEXT = 2 * _STEM
Keys = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class VocabularyTerms:
    """V terms, most frequent first: `columns` term → column; `keys` (V,); document `frequency` (V,)."""

    columns: Mapping[str, int]
    keys: Keys
    frequency: Floats


def grams(stems: Sequence[str]) -> list[str]:
    """Return the stems and each pair of neighbours."""
    return [*stems, *map(" ".join, pairwise(stems))]


def choose(corpus: Corpus) -> VocabularyTerms:
    """Return the most frequent terms of a corpus; ties in alphabetical order."""
    found, seen = _frequencies(corpus)
    least = 1 if len(corpus) < TINY else 2
    if len(seen) > TERMS:
        least = max(least, int(np.partition(seen, -TERMS)[-TERMS]))
    found, seen = found[seen >= least], seen[seen >= least]
    names = [_name(corpus.names, key) for key in found.tolist()]
    kept = sorted(range(len(names)), key=list(zip((-seen).tolist(), names, strict=True)).__getitem__)[:TERMS]
    columns = {names[i]: column for column, i in enumerate(kept)}
    return VocabularyTerms(columns, found[kept], seen[kept].astype(np.float32))


def tally(corpus: Corpus, terms: VocabularyTerms) -> Sparse:
    """Count each term in each text of a corpus: (n, V)."""
    order = np.argsort(terms.keys)
    none = csr_array(np.zeros((0, len(order)), dtype=np.float32))
    rows = (_rows(chunk, terms.keys[order], order.astype(np.int32)) for chunk in _chunks(corpus))
    stacked: Sparse = vstack([none, *rows], format="csr")
    return stacked


def counts(docs: Sequence[Sequence[str]], vocabulary: Mapping[str, int]) -> Sparse:
    """Count each known term in each text: (n, V)."""
    columns: list[int] = []
    values: list[int] = []
    ends = [0]
    for doc in docs:
        found = Counter(filter(vocabulary.__contains__, grams(doc)))
        columns.extend(map(vocabulary.__getitem__, found))
        values.extend(found.values())
        ends.append(len(columns))
    data = np.array(values, dtype=np.float32)
    rows = sparse(data, np.array(columns, dtype=np.int32), np.array(ends), len(vocabulary))
    rows.sort_indices()
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class _Chunk:
    """Some texts, with one (text, key) entry per occurrence of a term."""

    size: int
    texts: Keys
    keys: Keys


def _chunks(corpus: Corpus) -> Iterator[_Chunk]:
    for first in range(0, len(corpus), CHUNK):
        ends = corpus.ends[first : first + CHUNK + 1]
        stems = corpus.stems[ends[0] : ends[-1]].astype(np.int64) + 1
        texts = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
        inside = texts[1:] == texts[:-1]
        pairs = (stems[:-1] << _STEM | stems[1:])[inside]
        yield _Chunk(len(ends) - 1, np.concatenate([texts, texts[1:][inside]]), np.concatenate([stems, pairs]))


def _frequencies(corpus: Corpus) -> tuple[Keys, Keys]:
    """Return the key of each term in ascending order, and its document frequency."""
    keys = np.empty(2 * len(corpus.stems), dtype=np.int64)  # room for all; what stays empty takes no memory
    size = 0
    for chunk in _chunks(corpus):
        own = chunk.texts << _TEXT | chunk.keys
        own = own[_begins(own)] & (1 << _TEXT) - 1
        keys[size : size + len(own)] = own
        size += len(own)
    begins = _begins(keys[:size])
    return keys[begins], np.diff(begins, append=size)


def _begins(values: Keys) -> Keys:
    """Sort the values in place and return where each distinct value begins."""
    values.sort()
    changes = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return np.flatnonzero(changes)


def _rows(chunk: _Chunk, keys: Keys, columns: NDArray[np.int32]) -> Sparse:
    """Count terms in one chunk; `keys` ascending, `columns` their columns."""
    if not len(keys):
        return csr_array(np.zeros((chunk.size, 0), dtype=np.float32))
    place = np.searchsorted(keys, chunk.keys).clip(max=len(keys) - 1)
    known = keys[place] == chunk.keys
    found = chunk.texts[known] * len(keys) + columns[place[known]]
    begins = _begins(found)
    often = np.diff(begins, append=len(found))
    text, column = np.divmod(found[begins], len(keys))
    ends = np.concatenate([[0], np.cumsum(np.bincount(text, minlength=chunk.size))])
    return sparse(often.astype(np.float32), column, ends, len(keys))


def _name(names: Sequence[str], key: int) -> str:
    first, second = key >> _STEM, key & (1 << _STEM) - 1
    return f"{names[first - 1]} {names[second - 1]}" if first else names[second - 1]
