"""A dense model beside the text model: an encoder of any kind, and what the day needs to know of its space.

The ranker never loads one; it is handed something that turns texts into vectors of length 1. Without
one the space has no dimension, and every dense signal is silent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from digestd.ranking.arrays import Floats
from digestd.ranking.lsa import precision, spread

FLOOR = 0.35
"""The least cosine at which two texts count as near, however scattered the archive is."""
RARE = 0.99
"""The part of all pairs of archive papers that are less alike than near ones."""
SAMPLE = 2_000
"""Archive papers of which pairs are compared."""

FIELDS = (
    "Gene expression in the developing embryo",
    "Turbulence in stratified fluids",
    "Collective bargaining and wages in two regions",
    "Spectral gaps of random graphs",
    "A survey of distant galaxy clusters",
    "Machine translation of rare languages",
    "Catalysts for the oxidation of methane",
    "Sediments below retreating glaciers",
    "Risk factors of heart failure in the elderly",
    "Memory consolidation during sleep",
)
"""Titles that have nothing in common: how alike an encoder finds these is its zero."""
NARROW = 0.25
"""The mean likeness of an archive in which a dense model tells nothing more: it knows fields apart, not the papers of
one. Measured with MiniLM in nDCG@10: at .06 (citeulike) its signals gain .011, at .27 (HF) they cost up to .012."""


class Encoder(Protocol):
    """A sentence encoder. `version` names it and changes with its weights; `dims` is e."""

    @property
    def version(self) -> str: ...

    @property
    def dims(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> Floats:
        """Vectors (n, e) of length 1; 0 where the model has nothing to say. Never NaN."""
        ...


@dataclass(frozen=True, slots=True)
class NoEncoder:
    """No dense model."""

    version: str = ""
    dims: int = 0

    def encode(self, texts: Sequence[str]) -> Floats:
        """Vectors of no dimension."""
        return np.zeros((len(texts), 0), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingSpace:
    """An encoder with the `archive`'s vectors (n, e), their `mean` (e,) and the `precision` (e, e) of their spread.

    `near`: the cosine above which two texts are alike. `breadth` in [0, 1]: what the model's signals count before
    such an archive, 1 where its papers have no more in common than any two.
    """

    encoder: Encoder
    archive: Floats
    mean: Floats
    precision: Floats
    near: float
    breadth: float

    @property
    def dims(self) -> int:
        """Dimensions e; 0 without a dense model."""
        return self.encoder.dims

    @property
    def is_empty(self) -> bool:
        """Whether there is no dense model."""
        return not self.dims


def build_embedding_space(encoder: Encoder, archive: Floats) -> EmbeddingSpace:
    """The space of an encoder from archive vectors (n, e); with few of them it stays unwhitened."""
    shown = archive[:SAMPLE]
    pairs = np.triu_indices(len(shown), 1)
    near = float(np.quantile((shown @ shown.T)[pairs], RARE)) if len(pairs[0]) else FLOOR
    mean, cov = spread([archive], encoder.dims)
    return EmbeddingSpace(
        encoder=encoder,
        archive=archive,
        mean=mean,
        precision=precision(cov),
        near=min(max(near, FLOOR), 0.9),
        breadth=_breadth(_alike(shown), _alike(encoder.encode(FIELDS))),
    )


def _alike(vectors: Floats) -> float:
    """The mean cosine of two of these vectors (n, e); 0 for fewer than two."""
    size = len(vectors)
    return float((np.square(vectors.sum(axis=0)).sum() - np.square(vectors).sum()) / max(size * (size - 1), 1))


def _breadth(archive: float, unlike: float) -> float:
    """1 where the archive's papers are as unlike as they come, 0 from NARROW on; 1 for an encoder that is blind."""
    room = 1 - unlike
    return min(max(1 - (archive - unlike) / room / NARROW, 0.0), 1.0) if room > 0.01 else 1.0


NO_SPACE = build_embedding_space(NoEncoder(), np.zeros((0, 0), dtype=np.float32))
"""The space of a ranker without a dense model."""
