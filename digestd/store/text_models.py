"""Fitted text models, versioned; the newest is in use.

Recent ones are kept with their data, so that a digest can be ranked again; of older ones only the description stays.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from digestd.store import core
from digestd.store.timestamps import from_us, to_us

MODELS_KEPT = 2
"""Number of models kept with their data: the one in use, and the one that last week's digests were ranked with."""
_M = core.text_model.c


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A model without its data; `papers` is the number it was fitted on."""

    version: str
    fitted: datetime
    papers: int


def newest(session: Session) -> FittedModel | None:
    """Return the model in use, if any was fitted yet."""
    row = session.connection().execute(select(*_ABOUT).order_by(*_NEWEST).limit(1)).first()
    return None if row is None else _fitted(row)


def data(session: Session, version: str) -> bytes:
    """Return a model as written by `ranking.model.dumps`; empty if it was dropped."""
    return bytes(session.connection().execute(select(_M.data).where(_M.version == version)).scalar_one())


def add(session: Session, fitted: FittedModel, packed: bytes) -> None:
    """Put a model into use; empty the data of all but the newest few."""
    insert = sqlite.insert if session.connection().dialect.name == "sqlite" else postgresql.insert
    row = {"version": fitted.version, "fitted_us": to_us(fitted.fitted), "papers": fitted.papers, "data": packed}
    statement = insert(core.text_model).values(row).on_conflict_do_update(index_elements=["version"], set_=row)
    session.connection().execute(statement)
    whole = select(_M.id).order_by(*_NEWEST).limit(MODELS_KEPT)
    session.connection().execute(
        update(core.text_model).where(_M.id.not_in(whole), func.length(_M.data) > 0).values(data=b"")
    )


def of_delivery(session: Session, delivery: int) -> FittedModel | None:
    """Return the model a digest was ranked with; None if unknown, and for notices."""
    query = select(*_ABOUT).join(core.delivery, core.delivery.c.model_id == _M.id).where(core.delivery.c.id == delivery)
    row = session.connection().execute(query).first()
    return None if row is None else _fitted(row)


def count_fit_papers(session: Session) -> int:
    """Count the papers a fit could read."""
    query = select(func.count()).select_from(core.paper).where(core.paper.c.revision_id.is_not(None))
    return int(session.connection().execute(query).scalar_one())


_ABOUT = (_M.version, _M.fitted_us, _M.papers)
_NEWEST = (_M.fitted_us.desc(), _M.id.desc())


def _fitted(row: core.Record) -> FittedModel:
    return FittedModel(row.version, from_us(row.fitted_us), row.papers)
