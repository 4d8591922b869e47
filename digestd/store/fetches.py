"""The last fetch of each address of each source, with its validators."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlmodel import Session

from digestd.store import core
from digestd.store.timestamps import from_us, to_us

_F = core.fetch.c
ERROR_MAX = 500


@dataclass(frozen=True, slots=True)
class FetchRecord:
    """The result of the last fetch of one address; `error` is None if it succeeded."""

    source: str
    url: str
    fetched: datetime
    items: int = 0
    etag: str | None = None
    last_modified: str | None = None
    error: str | None = None


def of_source(session: Session, source: str) -> dict[str, FetchRecord]:
    """Return the last fetches of a source by address."""
    rows = session.connection().execute(select(core.fetch).where(_F.source == source))
    return {row.url: _fetched(row) for row in rows}


def latest(session: Session) -> dict[str, FetchRecord]:
    """Return the newest fetch of every source; of several at once, a failed one."""
    query = select(core.fetch).order_by(_F.fetched_us, _F.error.is_not(None), _F.url)
    return {row.source: _fetched(row) for row in session.connection().execute(query)}


def newest_success(session: Session, source: str) -> datetime | None:
    """Return when the source last answered successfully."""
    query = select(func.max(_F.succeeded_us)).where(_F.source == source)
    found = session.connection().execute(query).scalar_one()
    return None if found is None else from_us(found)


def answers(session: Session) -> dict[str, tuple[datetime, datetime | None]]:
    """Return when each source was last asked and when it last answered successfully, None if it never did."""
    query = select(_F.source, func.max(_F.fetched_us), func.max(_F.succeeded_us)).group_by(_F.source)
    return {
        source: (from_us(asked), None if answered is None else from_us(answered))
        for source, asked, answered in session.connection().execute(query)
    }


def upsert(session: Session, fetched: Iterable[FetchRecord]) -> None:
    """Store the results of these fetches; they replace earlier ones of the same URLs."""
    statement = core.upsert(session, core.fetch)
    names = ("etag", "last_modified", "fetched_us", "items", "error")
    rest: dict[str, ColumnElement[Any]] = {name: statement.excluded[name] for name in names}
    rest["succeeded_us"] = func.coalesce(statement.excluded.succeeded_us, _F.succeeded_us)
    rows = [_row(one) for one in fetched]
    core.execute_many(session, statement.on_conflict_do_update(index_elements=["source", "url"], set_=rest), rows)


def delete_before(session: Session, source: str, before: datetime) -> None:
    """Delete addresses of a source not fetched since; dated addresses would pile up."""
    session.connection().execute(delete(core.fetch).where(_F.source == source, _F.fetched_us < to_us(before)))


def _row(fetched: FetchRecord) -> dict[str, object]:
    return {
        "source": fetched.source,
        "url": fetched.url,
        "etag": fetched.etag,
        "last_modified": fetched.last_modified,
        "fetched_us": to_us(fetched.fetched),
        "succeeded_us": None if fetched.error else to_us(fetched.fetched),
        "items": fetched.items,
        "error": fetched.error[:ERROR_MAX] if fetched.error else None,
    }


def _fetched(row: core.Record) -> FetchRecord:
    return FetchRecord(
        source=row.source,
        url=row.url,
        fetched=from_us(row.fetched_us),
        items=row.items,
        etag=row.etag,
        last_modified=row.last_modified,
        error=row.error,
    )
