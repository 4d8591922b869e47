"""Encode papers with the dense model after ingest.

Those stored before it was enabled are included.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import structlog

from digestd.ranking.dense import Encoder
from digestd.store.bulk import by_halves
from digestd.store.database import Database
from digestd.store.ranking import embeddings
from digestd.store.ranking.embeddings import UnembeddedRevision

BLOCK = 64
"""Papers a transaction: some seconds' work, which is all that is lost when it is killed."""
TURN = 5_000
"""Papers after one ingest, so that the next is not kept waiting."""
log = structlog.get_logger(__name__)


def embed_papers(
    db: Database,
    encoder: Encoder,
    keep_on: Callable[[], bool] = lambda: True,
    advance: Callable[[int], None] = lambda _: None,
    limit: int = TURN,
) -> int:
    """Encode up to `limit` papers without a vector of this model; return how many.

    Safe to run at any time and several times at once. `keep_on` is called before each block. Does nothing
    without a dense model.
    """
    done = 0
    while encoder.dims and done < limit and keep_on():
        with db.read() as session:
            block = embeddings.unembedded(session, encoder.version, min(BLOCK, limit - done))
        if not block:
            break
        list(by_halves(block, partial(_embed, db, encoder), partial(_give_up, db, encoder)))
        done += len(block)
        advance(len(block))
    return done


def _embed(db: Database, encoder: Encoder, block: Sequence[UnembeddedRevision]) -> None:
    vectors = encoder.encode([one.text for one in block])
    with db.write() as session:
        embeddings.store_embeddings(
            session, encoder.version, {one.revision: v for one, v in zip(block, vectors, strict=True)}
        )


def _give_up(db: Database, encoder: Encoder, paper: UnembeddedRevision, error: Exception) -> None:
    """Store a vector that is similar to nothing, so that the paper is not tried for ever."""
    log.exception("cannot encode a paper", revision=paper.revision, exc_info=error)
    with db.write() as session:
        embeddings.store_embeddings(
            session, encoder.version, {paper.revision: np.zeros(encoder.dims, dtype=np.float32)}
        )
