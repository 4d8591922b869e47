"""Fit and read what papers are ranked with: the text model, and the embeddings of the day.

Planning fits a model itself only where it has none worth ranking with: after the first start, or after an update that
cannot read the stored one. `refit` renews it in advance. Planning computes the embeddings that are missing.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from threading import Lock

import numpy as np
from sqlmodel import Session

from digestd.domain.paper import Paper
from digestd.papers.embedding import embed_papers
from digestd.ranking.arrays import Floats
from digestd.ranking.dense import NO_SPACE, EmbeddingSpace, Encoder, build_embedding_space
from digestd.ranking.model import TextModel, dumps, fit_corpus, is_readable, loads
from digestd.ranking.vocabulary import read_corpus
from digestd.store import papers
from digestd.store.database import Database
from digestd.store.ranking import embeddings, text_models

GROWTH = 1.25
"""A model is outgrown if the archive has grown by this factor since."""
FEW_TEXTS = 500
"""A model of fewer papers is replaced by planning itself once it is outgrown. The first papers arrive in several steps.

Fitting 500 takes .2 s.
"""
MAX_INLINE_TEXTS = 10_000
"""Newest papers that planning fits a model on: 6 s."""
SAMPLE = 5_000
"""Number of stored vectors from which the geometry of the space is estimated."""
FEW_VECTORS = 500
"""With fewer, so many papers of the archive are encoded: some 20 s, once after an archive was imported."""
BLOCK = 64
"""Papers a transaction, so that little is lost when planning is interrupted."""
_FIT_LOCK = Lock()
"""Per process: processes on several machines each fit their own model."""


def text_model(db: Database, now: datetime) -> TextModel:
    """Return the model to rank with at `now`, fitting one if there is none.

    Concurrent callers fit it once.
    """
    if (ready := ready_model(db)) is not None:
        return ready
    with _FIT_LOCK:
        ready = ready_model(db)
        return _fit_and_use(db, now) if ready is None else ready


def ready_model(db: Database) -> TextModel | None:
    """Return the model in use, or None if planning has to fit one."""
    with db.read() as session:
        used = text_models.in_use(session)
        if used is None or _is_too_small(session, used):
            return None
        return read_model(text_models.data(session, used.version), used.version)


def read_model(data: bytes, version: str) -> TextModel | None:
    """Return a stored model; None if this release cannot read it."""
    if is_readable(version):
        with suppress(ValueError):
            return loads(data)
    return None


def fit_model(db: Database, limit: int) -> TextModel:
    with db.read() as session:
        corpus = read_corpus(papers.texts(session, limit))  # the transaction ends before fitting
    return fit_corpus(corpus)


def prepare_model(db: Database, model: TextModel, now: datetime, *, use: bool) -> None:
    """Store a model, and put it into use if asked to."""
    with db.write() as session:
        text_models.prepare(session, text_models.FittedModel(model.version, now, model.size), dumps(model))
        if use:
            text_models.use(session, model.version, now)


def _is_too_small(session: Session, used: text_models.FittedModel) -> bool:
    """Return True if a model knows so few papers that planning should fit a new one."""
    return used.papers < FEW_TEXTS and text_models.count_fit_papers(session) > used.papers * GROWTH


def _fit_and_use(db: Database, now: datetime) -> TextModel:
    model = fit_model(db, MAX_INLINE_TEXTS)
    prepare_model(db, model, now, use=True)
    return model


def read_embeddings(
    db: Database, encoder: Encoder, candidates: Sequence[Paper], most: int | None = None
) -> tuple[EmbeddingSpace, Floats]:
    """Return the embedding space, and the vectors (m, e) of the candidates.

    `most`: how many candidates may be encoded, and none of the archive; an empty space if more lack a vector.
    """
    if not encoder.dims:
        return NO_SPACE, np.zeros((len(candidates), 0), dtype=np.float32)
    with db.read() as session:
        known = embeddings.embeddings_of(session, encoder.version, [paper.revision for paper in candidates])
    missing = [paper for paper in candidates if paper.revision not in known]
    if most is not None and len(missing) > most:
        return NO_SPACE, np.zeros((len(candidates), 0), dtype=np.float32)
    for start in range(0, len(missing), BLOCK):
        block = missing[start : start + BLOCK]
        encoded = dict(zip((p.revision for p in block), encoder.encode([p.text for p in block]), strict=True))
        with db.write() as session:
            embeddings.store_embeddings(session, encoder.version, encoded)
    with db.read() as session:
        # Read back in half precision, as the next run reads them.
        known |= embeddings.embeddings_of(session, encoder.version, [paper.revision for paper in missing])
        space = _space(session, encoder)
    if most is None and len(space.archive) < FEW_VECTORS and embed_papers(db, encoder, limit=FEW_VECTORS):
        with db.read() as session:
            space = _space(session, encoder)
    return space, _rows(candidates, known, encoder)


def stored_embeddings(session: Session, encoder: Encoder, candidates: Sequence[Paper]) -> tuple[EmbeddingSpace, Floats]:
    """Do as `read_embeddings` without computing any: an empty space unless all are stored."""
    known = embeddings.embeddings_of(session, encoder.version, [paper.revision for paper in candidates])
    if not encoder.dims or any(paper.revision not in known for paper in candidates):
        return NO_SPACE, np.zeros((len(candidates), 0), dtype=np.float32)
    return _space(session, encoder), _rows(candidates, known, encoder)


def _space(session: Session, encoder: Encoder) -> EmbeddingSpace:
    archive = embeddings.newest_embeddings(session, encoder.version, SAMPLE)
    return build_embedding_space(encoder, np.array(archive, dtype=np.float32).reshape(len(archive), encoder.dims))


def _rows(candidates: Sequence[Paper], known: Mapping[int, Floats], encoder: Encoder) -> Floats:
    rows = np.array([known[paper.revision] for paper in candidates], dtype=np.float32)
    return rows.reshape(len(candidates), encoder.dims)


def seed_vectors(session: Session, space: EmbeddingSpace, named: Sequence[Paper]) -> Mapping[int, Floats]:
    if space.is_empty or not named:
        return {}
    return embeddings.embeddings_of(session, space.encoder.version, [paper.revision for paper in named])
