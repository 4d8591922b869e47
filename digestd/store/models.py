"""Fitted text models, versioned; the newest is in use."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from digestd.store import core
from digestd.store.instants import from_us, to_us

KEPT = 2
_M = core.text_model.c


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is known of the model in use without reading it."""

    version: str
    fitted: datetime
    papers: int


def newest(session: Session) -> Fitted | None:
    """The model in use, if any was fitted yet."""
    query = select(_M.version, _M.fitted_us, _M.papers).order_by(_M.id.desc()).limit(1)
    row = session.connection().execute(query).first()
    return None if row is None else Fitted(row.version, from_us(row.fitted_us), row.papers)


def data(session: Session, version: str) -> bytes:
    """A model as `ranking.model.dumps` wrote it."""
    return bytes(session.connection().execute(select(_M.data).where(_M.version == version)).scalar_one())


def keep(session: Session, fitted: Fitted, packed: bytes) -> None:
    """Put a model into use; all but the newest few are dropped."""
    insert = sqlite.insert if session.connection().dialect.name == "sqlite" else postgresql.insert
    row = {"version": fitted.version, "fitted_us": to_us(fitted.fitted), "papers": fitted.papers, "data": packed}
    renewed = {"fitted_us": row["fitted_us"], "papers": row["papers"]}
    statement = insert(core.text_model).values(row).on_conflict_do_update(index_elements=["version"], set_=renewed)
    session.connection().execute(statement)
    newest_ids = select(_M.id).order_by(_M.id.desc()).limit(KEPT)
    session.connection().execute(delete(core.text_model).where(_M.id.not_in(newest_ids)))


def papers(session: Session) -> int:
    """How many papers a fit would read."""
    return int(session.connection().execute(select(func.count()).select_from(core.paper)).scalar_one())
