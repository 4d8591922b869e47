"""Read the day's embeddings; compute missing ones."""

from collections.abc import Mapping, Sequence

import numpy as np
from sqlmodel import Session

from digestd.domain.paper import Paper
from digestd.ranking.arrays import Floats
from digestd.ranking.dense import NO_SPACE, EmbeddingSpace, Encoder, build_embedding_space
from digestd.store import ranking_models
from digestd.store.database import Database

SAMPLE = 5_000
"""Number of stored vectors from which the geometry of the space is estimated. Planning encodes none for it."""
BLOCK = 64
"""Papers a transaction, so that little is lost when planning is interrupted."""


def read_embeddings(db: Database, encoder: Encoder, candidates: Sequence[Paper]) -> tuple[EmbeddingSpace, Floats]:
    """Return the embedding space, and the vectors (m, e) of the candidates."""
    if not encoder.dims:
        return NO_SPACE, np.zeros((len(candidates), 0), dtype=np.float32)
    with db.read() as session:
        known = ranking_models.embeddings_of(session, encoder.version, [paper.revision for paper in candidates])
    missing = [paper for paper in candidates if paper.revision not in known]
    for start in range(0, len(missing), BLOCK):
        block = missing[start : start + BLOCK]
        encoded = dict(zip((p.revision for p in block), encoder.encode([p.text for p in block]), strict=True))
        with db.write() as session:
            ranking_models.store_embeddings(session, encoder.version, encoded)
    with db.read() as session:
        # Read back in half precision, as the next run reads them.
        known |= ranking_models.embeddings_of(session, encoder.version, [paper.revision for paper in missing])
        return _space(session, encoder), _rows(candidates, known, encoder)


def stored_embeddings(session: Session, encoder: Encoder, candidates: Sequence[Paper]) -> tuple[EmbeddingSpace, Floats]:
    """Do as `read_embeddings` without computing any: an empty space unless all are stored."""
    known = ranking_models.embeddings_of(session, encoder.version, [paper.revision for paper in candidates])
    if not encoder.dims or any(paper.revision not in known for paper in candidates):
        return NO_SPACE, np.zeros((len(candidates), 0), dtype=np.float32)
    return _space(session, encoder), _rows(candidates, known, encoder)


def _space(session: Session, encoder: Encoder) -> EmbeddingSpace:
    archive = ranking_models.newest_embeddings(session, encoder.version, SAMPLE)
    return build_embedding_space(encoder, np.array(archive, dtype=np.float32).reshape(len(archive), encoder.dims))


def _rows(candidates: Sequence[Paper], known: Mapping[int, Floats], encoder: Encoder) -> Floats:
    rows = np.array([known[paper.revision] for paper in candidates], dtype=np.float32)
    return rows.reshape(len(candidates), encoder.dims)


def seed_vectors(session: Session, space: EmbeddingSpace, named: Sequence[Paper]) -> Mapping[int, Floats]:
    """Return the stored vectors of papers that subscribers named, by revision."""
    if space.is_empty or not named:
        return {}
    return ranking_models.embeddings_of(session, space.encoder.version, [paper.revision for paper in named])
