"""Term counts of papers that subscribers named, by text model. All of it can be made again."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlmodel import Session

from digestd.store import core
from digestd.store.bulk import chunks

_E = core.encoding.c


def of_revisions(session: Session, model: str, revisions: Iterable[int]) -> dict[int, bytes]:
    """Return the stored terms of these revisions made by this model."""
    return {
        row.revision: row.terms
        for chunk in chunks(set(revisions))
        for row in session.connection().execute(
            select(_E.revision, _E.terms).where(_E.model == model, _E.revision.in_(chunk))
        )
    }


def upsert(session: Session, model: str, terms: Mapping[int, bytes]) -> None:
    """Store the terms of these revisions; another process may have been faster."""
    if not terms:
        return
    statement = core.upsert(session, core.encoding)
    rows = [{"revision": key, "model": model, "terms": packed} for key, packed in sorted(terms.items())]
    session.connection().execute(statement.on_conflict_do_nothing(index_elements=["revision", "model"]), rows)
