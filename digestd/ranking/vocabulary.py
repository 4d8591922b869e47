"""Terms: stems and pairs of neighbouring stems, which of them are kept, and how often a text has them.

In a corpus a term is a number, its key: a stem's is its own from 1 up, a pair's the first stem's times 2²⁶
and the second's. A table of the pairs of 100,000 texts as strings would take gigabytes.
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
"""Rare terms are kept: names coined by one group tell most. 60,000 measured .014 less in nDCG@10 on HF authors."""
TINY = 50
"""Below this many texts a term of a single text counts as well."""
CHUNK = 2_000
"""Texts looked at together: their number takes 11 bits, beside the 52 of a key."""
_STEM = 26
_TEXT = 2 * _STEM
Keys = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class VocabularyTerms:
    """V terms, the commonest first: `columns` term → place; `keys` (V,); `frequency` (V,) texts with the term."""

    columns: Mapping[str, int]
    keys: Keys
    frequency: Floats


def grams(stems: Sequence[str]) -> list[str]:
    """The stems and each pair of neighbours."""
    return [*stems, *map(" ".join, pairwise(stems))]


def choose(corpus: Corpus) -> VocabularyTerms:
    """The commonest terms of a corpus; of equals the first in the alphabet."""
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
    """How often each term stands in each text of a corpus: (n, V)."""
    order = np.argsort(terms.keys)
    none = csr_array(np.zeros((0, len(order)), dtype=np.float32))
    rows = (_rows(chunk, terms.keys[order], order.astype(np.int32)) for chunk in _chunks(corpus))
    stacked: Sparse = vstack([none, *rows], format="csr")
    return stacked


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
    rows = sparse(data, np.array(columns, dtype=np.int32), np.array(ends), len(vocabulary))
    rows.sort_indices()
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class _Chunk:
    """Some texts and every term that stands there, one entry for each time: `texts` its text, `keys` its key."""

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
    """The key of each term that stands anywhere, rising, and in how many texts."""
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
    """Sort the values in place, and tell where each distinct one begins."""
    values.sort()
    changes = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return np.flatnonzero(changes)


def _rows(chunk: _Chunk, keys: Keys, columns: NDArray[np.int32]) -> Sparse:
    """The counts of one chunk: `keys` are those of the terms, rising, and `columns` their places."""
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
