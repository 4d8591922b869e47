"""The dense model next to the text model: any sentence encoder, and the geometry of its vectors.

The ranker never loads a model; it receives an object that turns texts into unit vectors. Without one the space has
zero dimensions and every dense signal is inactive.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from digestd.ranking.arrays import Doubles, Floats, Halves
from digestd.ranking.model import unit

FLOOR = 0.35
"""Minimum cosine at which two texts count as similar, however scattered the archive is.

Of all-MiniLM-L6-v2, papers about a topic lie at .43 to .58 and others below .34.
"""
RARE = 0.99
"""Share of all pairs of archive papers that are less alike than similar ones."""
SAMPLE = 2_000
"""Archive papers whose pairs are compared."""
NEAREST, EXPANSION = 5, 0.7
"""Archive papers that a query vector is moved towards, and how far."""
NEAREST_SHARE = 100
"""At most one in so many: the papers nearest to a topic among sixty are likely to be about something else."""
COVARIANCE_SHRINKAGE = 0.6
"""Share of the covariance replaced by its mean variance; measured best for libraries with several interests."""
CACHE_SIZE = 20_000
"""Maximum number of cached vectors of topics: some 20 MB."""


class Encoder(Protocol):
    """A sentence encoder.

    `version` changes with its weights; `dims` is the vector length e.
    """

    @property
    def version(self) -> str: ...

    @property
    def dims(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return unit vectors (n, e); 0 if the model has nothing to say. Never NaN."""
        ...


@dataclass(frozen=True, slots=True)
class NoEncoder:
    """The absence of a dense model."""

    version: str = ""
    dims: int = 0

    def encode(self, texts: Sequence[str]) -> Floats:
        return np.zeros((len(texts), 0), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class CachedEncoder:
    """Encodes short texts and remembers up to CACHE_SIZE of them, because many subscribers share topics.

    A quantised model scales a batch as a unit, so that a vector depends on its neighbours. What is stored is therefore
    encoded one by one; `in_batches`, for what is only shown, takes half the time.
    """

    encoder: Encoder
    in_batches: bool = False
    _known: dict[str, Halves] = field(default_factory=dict)

    @property
    def version(self) -> str:
        return self.encoder.version

    @property
    def dims(self) -> int:
        return self.encoder.dims

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return unit vectors (n, e), rounded to half precision."""
        if not (self.dims and texts):
            return np.zeros((len(texts), self.dims), dtype=np.float32)
        found = {text: self._known[text] for text in texts if text in self._known}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        batches = [missing] if self.in_batches else [[text] for text in missing]
        for batch in filter(None, batches):
            found.update(zip(batch, self.encoder.encode(batch).astype(np.float16), strict=True))
        if len(self._known) + len(missing) > CACHE_SIZE:
            self._known.clear()
        self._known.update((text, found[text]) for text in missing)
        return np.array([found[text] for text in texts], dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingSpace:
    """An encoder with the geometry of the archive's vectors: papers, topics and seeds of a day are all in one.

    Attributes:
        topic_encoder: The encoder, with a cache for topics.
        mean: (e,) of the archive.
        precision: (e, e) inverse of the shrunk covariance.
        near: Cosine above which two texts are similar.
        archive: (a, e) vectors of the newest papers.
    """

    topic_encoder: CachedEncoder
    mean: Floats
    precision: Floats
    near: float
    archive: Floats

    @property
    def encoder(self) -> Encoder:
        return self.topic_encoder.encoder

    @property
    def dims(self) -> int:
        return self.topic_encoder.dims

    @property
    def is_empty(self) -> bool:
        return not self.dims

    def expanded(self, vectors: Floats) -> Floats:
        """Return query vectors (n, e) moved towards the archive papers nearest to each (Rocchio 1971)."""
        count = min(NEAREST, len(self.archive) // NEAREST_SHARE)
        if not count:
            return vectors
        nearest = np.argpartition(-(vectors @ self.archive.T), count - 1, axis=1)[:, :count]
        return unit(vectors + np.float32(EXPANSION) * unit(self.archive[nearest].mean(axis=1)))


def build_embedding_space(encoder: Encoder, archive: Floats) -> EmbeddingSpace:
    """Build the space of an encoder from archive vectors (n, e).

    With few of them it stays unwhitened. A cached encoder shares its cache with other spaces of the encoder.
    """
    cached = encoder if isinstance(encoder, CachedEncoder) else CachedEncoder(encoder)
    shown = archive[:SAMPLE]
    pairs = (shown @ shown.T)[np.triu_indices(len(shown), 1)]
    near = float(np.clip(np.quantile(pairs, RARE), FLOOR, 0.9)) if len(pairs) else FLOOR
    exact, rows = archive.astype(np.float64), max(len(archive), 1)
    mean = exact.sum(axis=0) / rows
    precision = shrunk_precision(exact.T @ exact / rows - np.outer(mean, mean))
    return EmbeddingSpace(cached, mean.astype(np.float32), precision, near, shown)


def shrunk_precision(cov: Doubles) -> Floats:
    """Return the inverse of a shrunk covariance Σ (d, d).

    (.4 Σ + .6 tr(Σ)/d I)⁻¹, scaled to mean variance 1.

    This is the metric of linear discriminant analysis. The identity if nothing varies.
    """
    dims = len(cov)
    scale = np.trace(cov) / max(dims, 1)
    if scale <= 1e-12:
        return np.eye(dims, dtype=np.float32)
    inverse: Floats = np.linalg.inv(
        (1 - COVARIANCE_SHRINKAGE) * cov / scale + COVARIANCE_SHRINKAGE * np.eye(dims)
    ).astype(np.float32)
    return inverse


NO_SPACE = build_embedding_space(NoEncoder(), np.zeros((0, 0), dtype=np.float32))
"""The space of a ranker without a dense model."""
