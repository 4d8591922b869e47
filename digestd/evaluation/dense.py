"""Encode papers in memory for evaluation with a dense model."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from sqlmodel import Session

from digestd.domain.paper import Paper
from digestd.evaluation.judgments import Library
from digestd.ranking.arrays import Floats
from digestd.ranking.dense import NO_SPACE, EmbeddingSpace, Encoder, build_embedding_space
from digestd.store.ranking import embeddings

BLOCK = 64
"""Papers between two steps of the progress bar."""
SAMPLE = 5_000
"""Kept vectors that show how the space is filled."""


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


def stored_vectors(session: Session, encoder: Encoder, papers: Iterable[Paper]) -> Vectors:
    """Return the vectors that planning stored.

    Encode the missing ones without storing them.
    """
    if not encoder.dims:
        return Vectors()
    known = {paper.id: paper for paper in papers}
    kept = embeddings.embeddings_of(session, encoder.version, [paper.revision for paper in known.values()])
    found: dict[str, Floats] = {name: kept[p.revision] for name, p in known.items() if p.revision in kept}
    missing = [name for name in known if name not in found]
    found.update(zip(missing, encoder.encode([known[name].text for name in missing]), strict=True))
    archive = embeddings.newest_embeddings(session, encoder.version, SAMPLE)
    return Vectors(
        build_embedding_space(encoder, np.array(archive, dtype=np.float32).reshape(len(archive), encoder.dims)), found
    )


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
