"""A dense model beside the text model: an encoder of any kind, and what the day needs to know of its space.

The ranker never loads one; it is handed something that turns texts into vectors of length 1. Without
one the space has no dimension, and every dense signal is silent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from digestd.ranking.arrays import Floats
from digestd.ranking.latent import precision, spread

FLOOR = 0.35
"""The least cosine at which two texts count as near, however scattered the archive is."""
RARE = 0.99
"""The part of all pairs of archive papers that are less alike than near ones."""
SAMPLE = 2_000
"""Archive papers of which pairs are compared."""


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
class Silent:
    """No dense model."""

    version: str = ""
    dims: int = 0

    def encode(self, texts: Sequence[str]) -> Floats:
        """Vectors of no dimension."""
        return np.zeros((len(texts), 0), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """An encoder with the `mean` (e,) of the archive's vectors and the `precision` (e, e) of their spread.

    `near`: the cosine above which two texts are alike.
    """

    encoder: Encoder
    mean: Floats
    precision: Floats
    near: float

    @property
    def dims(self) -> int:
        """Dimensions e; 0 without a dense model."""
        return self.encoder.dims

    @property
    def silent(self) -> bool:
        """Whether there is no dense model."""
        return not self.dims


def build_space(encoder: Encoder, archive: Floats) -> Space:
    """The space of an encoder from archive vectors (n, e); with few of them it stays unwhitened."""
    shown = archive[:SAMPLE]
    pairs = np.triu_indices(len(shown), 1)
    near = float(np.quantile((shown @ shown.T)[pairs], RARE)) if len(pairs[0]) else FLOOR
    mean, cov = spread([archive], encoder.dims)
    return Space(
        encoder=encoder,
        mean=mean,
        precision=precision(cov),
        near=min(max(near, FLOOR), 0.9),
    )


SILENCE = build_space(Silent(), np.zeros((0, 0), dtype=np.float32))
"""The space of a ranker without a dense model."""
