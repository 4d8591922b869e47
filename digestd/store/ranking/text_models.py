"""Text models, and the term counts of papers that subscribers named (encodings), by text model.

Text models are versioned. One is in use; a newer one may be prepared while profiles are compiled by it. Recent ones are
kept with their data, so that a digest can be ranked again; of older ones only the description stays.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Table, delete, func, select, update
from sqlmodel import Session

from digestd.store import core
from digestd.store.bulk import chunks
from digestd.store.database import Database
from digestd.store.timestamps import from_us, to_us

MODELS_KEPT = 2
"""Number of used models kept with their data: the one in use, and the one that last week's digests were ranked with."""
DERIVED_KEPT = timedelta(hours=1)
"""Time after a switch for which profiles by the model before are kept: a planning that began before reads them."""
BLOCK = 1_000
"""Rows deleted in one transaction."""
_M, _F, _E = core.text_model.c, core.profile.c, core.encoding.c
_DERIVED: tuple[tuple[Table, Column[int], Column[str]], ...] = (
    (core.profile, _F.subscriber_id, _F.model),
    (core.encoding, _E.revision, _E.model),
)
"""Tables with what is derived by a text model, each with the columns of its key: the row it is about, and the model."""


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A model without its data; `papers` is the number it was fitted on."""

    version: str
    fitted: datetime
    papers: int


def in_use(session: Session) -> FittedModel | None:
    return _first(session, select(*_ABOUT).where(_USED).order_by(*_LATEST))


def prepared(session: Session) -> FittedModel | None:
    """Return the model by which profiles are compiled before it is used, if there is one."""
    return _first(session, select(*_ABOUT).where(_PREPARED).order_by(_M.fitted_us.desc(), _M.id.desc()))


def data(session: Session, version: str) -> bytes:
    """Return a model as written by `ranking.model.dumps`; empty if it was dropped."""
    return bytes(session.connection().execute(select(_M.data).where(_M.version == version)).scalar_one())


def prepare(session: Session, fitted: FittedModel, packed: bytes) -> None:
    """Store a model without using it yet. If it equals the one in use, that is still used."""
    current = in_use(session)
    row = {"version": fitted.version, "fitted_us": to_us(fitted.fitted), "papers": fitted.papers, "data": packed}
    changed = row if current and current.version == fitted.version else {**row, "used_us": None}
    statement = (
        core.upsert(session, core.text_model)
        .values(row)
        .on_conflict_do_update(index_elements=["version"], set_=changed)
    )
    session.connection().execute(statement)


def use(session: Session, version: str, now: datetime) -> None:
    """Put a prepared model into use, unless it was dropped; empty the data of all but the newest few."""
    connection = session.connection()
    latest = max(to_us(now), (connection.execute(select(func.max(_M.used_us))).scalar() or 0) + 1)
    connection.execute(update(core.text_model).where(_M.version == version, _PREPARED).values(used_us=latest))
    kept = select(_M.id).where(_USED).order_by(*_LATEST).limit(MODELS_KEPT)
    connection.execute(
        update(core.text_model).where(_USED, _M.id.not_in(kept), func.length(_M.data) > 0).values(data=b"")
    )


def drop_prepared(session: Session) -> None:
    """Empty the data of a prepared model, which is then prepared no more."""
    session.connection().execute(update(core.text_model).where(_PREPARED).values(data=b""))


def of_delivery(session: Session, delivery: int) -> FittedModel | None:
    """Return the model a digest was ranked with; None if unknown, and for notices."""
    return _first(
        session,
        select(*_ABOUT).join(core.delivery, core.delivery.c.model_id == _M.id).where(core.delivery.c.id == delivery),
    )


def count_fit_papers(session: Session) -> int:
    query = select(func.count()).select_from(core.paper).where(core.paper.c.revision_id.is_not(None))
    return int(session.connection().execute(query).scalar_one())


def has_outdated(session: Session, now: datetime) -> bool:
    """Return True if there is something for `delete_outdated`."""
    used_us = session.connection().execute(select(func.max(_M.used_us))).scalar()
    if used_us is None or to_us(now - DERIVED_KEPT) < used_us:
        return False
    queries = (select(key).where(*_is_outdated(model)).limit(1) for _, key, model in _DERIVED)
    return any(session.connection().execute(query).first() is not None for query in queries)


def delete_outdated(db: Database, now: datetime) -> None:
    """Delete profiles and term counts by models that are neither used nor prepared, an hour after the switch."""
    with db.read() as session:
        if not has_outdated(session, now):
            return
    for table, key, model in _DERIVED:
        after = 0
        while True:
            block = select(key).where(key > after, *_is_outdated(model)).order_by(key).limit(BLOCK)
            with db.read() as session:
                keys = list(session.connection().execute(block).scalars())
            if not keys:
                break
            with db.write() as session:
                session.connection().execute(delete(table).where(key > after, key <= keys[-1], *_is_outdated(model)))
            after = keys[-1]


def _is_outdated(model: Column[str]) -> tuple[core.Condition, ...]:
    used = select(_M.version).where(_USED).order_by(*_LATEST).limit(1).scalar_subquery()
    return model != used, model.not_in(select(_M.version).where(_PREPARED))


_ABOUT = (_M.version, _M.fitted_us, _M.papers)
_USED = _M.used_us.is_not(None)
_PREPARED = ~_USED & (func.length(_M.data) > 0)
_LATEST = (_M.used_us.desc(), _M.id.desc())


def _first(session: Session, query: core.Query) -> FittedModel | None:
    row = session.connection().execute(query.limit(1)).first()
    return None if row is None else FittedModel(row.version, from_us(row.fitted_us), row.papers)


def encodings_of(session: Session, model: str, revisions: Iterable[int]) -> dict[int, bytes]:
    """Return the stored terms of these revisions made by this model."""
    return {
        row.revision: row.terms
        for chunk in chunks(set(revisions))
        for row in session.connection().execute(
            select(_E.revision, _E.terms).where(_E.model == model, _E.revision.in_(chunk))
        )
    }


def store_encodings(session: Session, model: str, terms: Mapping[int, bytes]) -> None:
    """Store the terms of these revisions; another process may have been faster."""
    if not terms:
        return
    statement = core.upsert(session, core.encoding)
    rows = [{"revision": key, "model": model, "terms": packed} for key, packed in sorted(terms.items())]
    session.connection().execute(statement.on_conflict_do_nothing(index_elements=["revision", "model"]), rows)
