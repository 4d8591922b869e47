"""Encode papers in memory for evaluation with a dense model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from digestd.evaluation.judgments import Library
from digestd.ranking.arrays import Floats
from digestd.ranking.dense import NO_SPACE, EmbeddingSpace, Encoder, build_embedding_space

BLOCK = 64
"""Papers between two steps of the progress bar."""


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """A dense space and the vector of each paper by id.

    Without a dense model both are empty.
    """

    space: EmbeddingSpace = NO_SPACE
    by_id: Mapping[str, Floats] = field(default_factory=dict)

    def rows(self, names: list[str]) -> Floats:
        if self.space.is_empty:
            return np.zeros((len(names), 0), dtype=np.float32)
        return np.array([self.by_id[name] for name in names], dtype=np.float32).reshape(len(names), self.space.dims)


def encode_library(
    library: Library, archive: Library, encoder: Encoder, advance: Callable[[int], None] = lambda _: None
) -> Vectors:
    """Return the vectors of a library, in the space spanned by its archive."""
    if not encoder.dims:
        return Vectors()
    texts = {name: paper.text for name, paper in {**archive, **library}.items()}
    names = list(texts)
    found: dict[str, Floats] = {}
    for start in range(0, len(names), BLOCK):
        block = names[start : start + BLOCK]
        found.update(zip(block, encoder.encode([texts[name] for name in block]), strict=True))
        advance(len(block))
    return Vectors(build_embedding_space(encoder, np.array([found[name] for name in archive], dtype=np.float32)), found)
