"""Dense vectors of papers: one per revision, in half precision, of the model in use.

A changed model has another version, and its vectors replace the old ones as they are made.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import and_, func, select
from sqlmodel import Session

from digestd.store import core
from digestd.store.bulk import chunks

Vector = NDArray[np.float32]
SEARCHED_MAX = 50_000
"""Vectors that `nearest` reads, in .2 s."""
_BLOCK = 2_000
_P, _R, _V = core.paper.c, core.revision.c, core.embedding.c


@dataclass(frozen=True, slots=True)
class UnembeddedRevision:
    """A current revision without a vector, and its text."""

    revision: int
    text: str


def embeddings_of(session: Session, model: str, revisions: Iterable[int]) -> dict[int, Vector]:
    """Return the stored vectors of these revisions made by this model."""
    return {
        row.revision: _vector(row.vector)
        for chunk in chunks(set(revisions))
        for row in session.connection().execute(
            select(_V.revision, _V.vector).where(_V.model == model, _V.revision.in_(chunk))
        )
    }


def newest_embeddings(session: Session, model: str, limit: int) -> list[Vector]:
    query = select(_V.vector).where(_V.model == model).order_by(_V.revision.desc()).limit(limit)
    return [_vector(row.vector) for row in session.connection().execute(query)]


def nearest(session: Session, model: str, vector: Vector, floor: float, limit: int) -> list[int]:
    """Return the revisions nearest to a unit vector, the nearest first, of the newest SEARCHED_MAX.

    Args:
        floor: the lowest cosine.
        limit: how many at most.
    """
    query = select(_V.revision, _V.vector).where(_V.model == model, func.length(_V.vector) == 2 * len(vector))
    query = query.order_by(_V.revision.desc()).limit(SEARCHED_MAX).execution_options(yield_per=_BLOCK)
    found: list[tuple[float, int]] = []
    for block in session.connection().execute(query).partitions():
        revisions, packed = zip(*block, strict=True)
        cosines = _vector(b"".join(packed)).reshape(len(block), -1) @ vector
        near = np.flatnonzero(cosines >= floor)
        found = heapq.nlargest(limit, [*found, *((float(cosines[i]), revisions[i]) for i in near)])
    return [revision for _cosine, revision in found]


def unembedded(session: Session, model: str, limit: int) -> list[UnembeddedRevision]:
    """Return papers without a vector of this model, newest first, archived ones too."""
    query = (
        select(
            _R.id,
            func.coalesce(_R.plain_title, _R.title).label("title"),
            func.coalesce(_R.plain_abstract, _R.abstract).label("abstract"),
        )
        .join_from(core.paper, core.revision, _R.id == _P.revision_id)
        .outerjoin(core.embedding, and_(_V.revision == _R.id, _V.model == model))
        .where(_V.revision.is_(None))
        .order_by(_P.first_seen_us.desc(), _P.id.desc())
        .limit(limit)
    )
    return [UnembeddedRevision(row.id, f"{row.title}. {row.abstract}") for row in session.connection().execute(query)]


def store_embeddings(session: Session, model: str, vectors: Mapping[int, Vector]) -> None:
    """Store the vectors of these revisions; another process may have been faster."""
    if not vectors:
        return
    statement = core.upsert(session, core.embedding)
    replaced = {"model": statement.excluded.model, "vector": statement.excluded.vector}
    rows = [
        {"revision": key, "model": model, "vector": vector.astype(np.float16).tobytes()}
        for key, vector in sorted(vectors.items())
    ]
    session.connection().execute(statement.on_conflict_do_update(index_elements=["revision"], set_=replaced), rows)


def _vector(packed: bytes) -> Vector:
    vector: Vector = np.frombuffer(packed, dtype=np.float16).astype(np.float32)
    return vector
