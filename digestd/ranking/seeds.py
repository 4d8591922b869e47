"""Seed papers: what subscribers liked or disliked, encoded once per planning run.

Many subscribers like the same papers, so a run caches encoded seeds up to a bound, and ranking a subscriber adds up
rows. The cache never changes a result.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from digestd.ranking.arrays import Floats, Ints, Sparse
from digestd.ranking.dense import Encoder
from digestd.ranking.kernel_ridge import AuthorKernel, EncodedSeed, NegativePrior, author_weights
from digestd.ranking.model import (
    EncodedTexts,
    TextModel,
    decode_term_counts,
    encode_term_counts,
    lsa_vectors,
    tfidf_rows,
)

ROOM = 52_000_000
"""Bytes of cached seeds: some 5,000 seeds against 1,000 papers."""
BATCH = 200
"""Seeds encoded at a time."""
UNKNOWN = -1
"""A row number that no paper has."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A paper that a subscriber named.

    Attributes:
        title: Shown in the reason.
        votes: How much it is discussed.
        vector, terms: Its embedding (e,) and term counts, if known already.
        is_private: A reference of the subscriber: its title is for them only.
        paper: Row number of the public paper; UNKNOWN if there is none.
    """

    title: str
    text: str
    authors: tuple[str, ...] = ()
    votes: float = 0.0
    vector: Floats | None = field(default=None, compare=False, repr=False)
    terms: bytes | None = field(default=None, compare=False, repr=False)
    is_private: bool = False
    paper: int = field(default=UNKNOWN, compare=False)

    def __hash__(self) -> int:
        return hash(self.text)  # Python caches the hash of a string, not that of a dataclass


@dataclass(frozen=True, slots=True, eq=False)
class SeedTable:
    """A table of seeds; `rows` gives the row of each.

    Attributes:
        cosine, lsa_cosine, dense_cosine: (rows, m) TF-IDF, LSA and embedding cosines with the candidates; m = 0 for the
            last without a dense model.
        papers: (rows,) row numbers of the public papers; UNKNOWN where there is none.
        features: (rows, b) against the shared negative examples.
        vectors: (rows, e) embeddings.
        votes: (rows, 1) votes.
    """

    rows: dict[Seed, int]
    seeds: list[EncodedSeed]
    papers: Ints
    cosine: Floats
    lsa_cosine: Floats
    dense_cosine: Floats
    features: Floats
    vectors: Floats
    votes: Floats

    @property
    def capacity(self) -> int:
        return len(self.cosine)

    def find(self, seeds: Iterable[Seed]) -> list[int | None]:
        """Return the row of each seed; None if it is not in the table."""
        return list(map(self.rows.get, seeds))


@dataclass(frozen=True, slots=True, eq=False)
class SeedEncoder:
    """Encodes seeds for one model and one candidate set.

    `across` (V, m), `vectors` (m, e): TF-IDF columns and embeddings of the candidates.
    """

    model: TextModel
    negative_prior: NegativePrior
    candidates: EncodedTexts
    across: Sparse
    author_kernel: AuthorKernel
    encoder: Encoder
    vectors: Floats
    _latest: list[SeedTable] = field(default_factory=list)

    def table_with(self, seeds: Iterable[Seed]) -> tuple[SeedTable, Ints]:
        """Return a table that contains these seeds (the latest, or a new one if it is full), and their rows."""
        wanted = list(seeds)
        seed_table = self._latest[0] if self._latest else self._new(len(wanted))
        places = seed_table.find(wanted)
        missing = {seed: None for seed, place in zip(wanted, places, strict=True) if place is None}
        if len(seed_table.rows) + len(missing) > seed_table.capacity:
            missing = dict.fromkeys(wanted)
            seed_table = self._new(len(missing))
        new = list(missing)
        for first in range(0, len(new), BATCH):
            self._put(seed_table, new[first : first + BATCH])
        return seed_table, np.array(seed_table.find(wanted) if new else places, dtype=np.intp)

    def _new(self, least: int) -> SeedTable:
        self._latest[:] = [self._empty(least)]
        return self._latest[0]

    def _empty(self, least: int) -> SeedTable:
        papers, known = len(self.candidates), self.negative_prior.rows.shape[0]
        dense = papers if self.encoder.dims else 0
        widths = [papers, papers, dense, known, self.encoder.dims, 1]
        rows = max(least, ROOM // (4 * sum(widths)))
        # np.empty takes memory only for the pages that are written
        columns = (np.empty((rows, width), dtype=np.float32) for width in widths)
        return SeedTable({}, [], np.empty(rows, dtype=np.intp), *columns)

    def _put(self, seed_table: SeedTable, seeds: Sequence[Seed]) -> None:
        start = len(seed_table.rows)
        places = slice(start, start + len(seeds))
        encoded = self._encode(seeds)
        seed_table.cosine[places] = (encoded.sparse @ self.across).toarray()
        seed_table.lsa_cosine[places] = encoded.dense @ self.candidates.dense.T
        seed_table.features[places] = self.negative_prior.features(encoded.sparse)
        seed_table.vectors[places] = vectors = self._vectors(seeds)
        if self.encoder.dims:
            seed_table.dense_cosine[places] = vectors @ self.vectors.T
        seed_table.papers[places] = [seed.paper for seed in seeds]
        seed_table.votes[places, 0] = [seed.votes for seed in seeds]
        seed_table.seeds.extend(self._rows_of(seeds, encoded.sparse, seed_table.features[places]))
        seed_table.rows.update(zip(seeds, range(start, start + len(seeds)), strict=True))

    def _rows_of(self, seeds: Sequence[Seed], sparse: Sparse, features: Floats) -> Iterator[EncodedSeed]:
        author_keys = [self.author_kernel.numbers(seed.authors) for seed in seeds]
        each = [author_weights(who) for who in author_keys]
        author_products = self.author_kernel.author_products(author_keys, each)
        runs = zip(pairwise(sparse.indptr), pairwise(author_products.indptr), strict=True)
        for i, ((a, b), (c, d)) in enumerate(runs):
            columns = np.concatenate([sparse.indices[a:b], (sparse.shape[1] + author_keys[i]).astype(np.int32)])
            values = np.concatenate([sparse.data[a:b], each[i]])
            author_cells = author_products.indices[c:d], author_products.data[c:d]
            yield EncodedSeed(seeds[i].title, seeds[i].is_private, columns, values, features[i], *author_cells)

    def _encode(self, seeds: Sequence[Seed]) -> EncodedTexts:
        """Encode seeds from their term counts, counting terms where these are missing."""
        new_terms = iter(encode_term_counts(self.model, [seed.text for seed in seeds if seed.terms is None]))
        terms = [next(new_terms) if seed.terms is None else seed.terms for seed in seeds]
        sparse = tfidf_rows(decode_term_counts(self.model, terms), self.model.idf)
        return EncodedTexts(sparse, lsa_vectors(sparse, self.model.components))

    def _vectors(self, seeds: Sequence[Seed]) -> Floats:
        """Return the seeds' embeddings, computing missing ones."""
        unknown = [seed.text for seed in seeds if seed.vector is None]
        vectors = iter(self.encoder.encode(unknown))
        found = [next(vectors) if seed.vector is None else seed.vector for seed in seeds]
        return np.array(found, dtype=np.float32).reshape(len(seeds), self.encoder.dims)
