"""Seed papers: what a subscriber liked or disliked, encoded once per planning run.

Many subscribers like the same papers, so a run keeps the encodings of those it met, up to a bound.
This only saves time: with or without it, every number is the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise

import numpy as np

from digestd.ranking.arrays import Doubles, Floats, Ints, Sparse
from digestd.ranking.background import Background
from digestd.ranking.dense import Encoder
from digestd.ranking.kin import kin
from digestd.ranking.lookup import Lookup
from digestd.ranking.model import TextModel

ROOM = 25_000_000
"""Numbers kept (4 bytes each): 100 MB, which is 18,000 seeds before 500 papers."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A paper a subscriber named: its title (for the reason), its whole text, and who wrote it.

    `vector` (e,) of the dense model, where it is known already.
    """

    title: str
    text: str
    authors: tuple[str, ...] = ()
    vector: Floats | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Shelved:
    """One encoded seed: TF-IDF `columns` and `values` (few of V), `dense` (d,), and what the pool makes of it.

    `features` (b,) against the background; `cosine` (m,): TF-IDF cosine with each paper of the pool;
    `kin`: the positions of the pool's papers that come from the same people; `vector` (e,) of the dense model.
    """

    columns: Ints
    values: Floats
    dense: Floats
    vector: Floats
    features: Floats
    cosine: Floats
    kin: frozenset[int]


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """The s seeds of a block, never changed: row `rows[seed]` of each array is that seed's."""

    rows: Mapping[Seed, int]
    seeds: Sequence[Shelved]
    dense: Floats
    vectors: Floats
    features: Doubles
    cosine: Floats

    def rows_of(self, seeds: Iterable[Seed]) -> Ints:
        """The rows of seeds that are on it."""
        return np.array([self.rows[seed] for seed in seeds], dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Shelves:
    """The way from seeds to a shelf of them, for one model and one pool (m, V)."""

    model: TextModel
    background: Background
    pool: Sparse
    lookup: Lookup
    encoder: Encoder
    _kept: dict[Seed, Shelved] = field(default_factory=dict)

    def holding(self, seeds: Iterable[Seed]) -> Shelf:
        """A shelf of these seeds."""
        wanted = list(dict.fromkeys(seeds))
        known = {seed: kept for seed in wanted if (kept := self._kept.get(seed))}
        missing = [seed for seed in wanted if seed not in known]
        new = dict(zip(missing, self._encode(missing), strict=True))
        self._kept.update(new)
        each = self.pool.shape[0] + self.background.rows.shape[0] + 3 * self.model.dims + self.encoder.dims
        for oldest in list(islice(self._kept, max(0, len(self._kept) - ROOM // (each + 1)))):
            self._kept.pop(oldest, None)
        return self._shelf({seed: known[seed] if seed in known else new[seed] for seed in wanted})

    def _encode(self, seeds: Sequence[Seed]) -> list[Shelved]:
        encoded = self.model.encode([seed.text for seed in seeds])
        features = self.background.features(encoded.sparse).astype(np.float32)
        cosine = (encoded.sparse @ self.pool.T).toarray()
        vectors = self._vectors(seeds)
        columns, values, ends = encoded.sparse.indices.astype(np.intp), encoded.sparse.data, encoded.sparse.indptr
        folk = [kin(self.lookup, seed.authors) for seed in seeds]
        return [
            Shelved(columns[a:b], values[a:b], encoded.dense[i], vectors[i], features[i], cosine[i], folk[i])
            for i, (a, b) in enumerate(pairwise(ends))
        ]

    def _vectors(self, seeds: Sequence[Seed]) -> Floats:
        """Those that are known, and the others encoded now."""
        unknown = [seed.text for seed in seeds if seed.vector is None]
        made = iter(self.encoder.encode(unknown))
        found = [next(made) if seed.vector is None else seed.vector for seed in seeds]
        return np.array(found, dtype=np.float32).reshape(len(seeds), self.encoder.dims)

    def _shelf(self, found: Mapping[Seed, Shelved]) -> Shelf:
        seeds = list(found.values())
        sizes = len(seeds), self.background.rows.shape[0]
        return Shelf(
            rows={seed: i for i, seed in enumerate(found)},
            seeds=seeds,
            dense=np.array([s.dense for s in seeds], dtype=np.float32).reshape(len(seeds), self.model.dims),
            vectors=np.array([s.vector for s in seeds], dtype=np.float32).reshape(len(seeds), self.encoder.dims),
            features=np.array([s.features for s in seeds], dtype=np.float64).reshape(sizes),
            cosine=np.array([s.cosine for s in seeds], dtype=np.float32).reshape(len(seeds), self.pool.shape[0]),
        )
