"""What is known of each source's requests, and when each host may be asked next."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Table, case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from digestd.store import core
from digestd.store.instants import from_us, to_us

_F, _P = core.fetch.c, core.pace.c
HORIZON = timedelta(hours=1)
"""A host is never left alone for longer; a later instant was written under another clock."""
ERROR_MAX = 500
_NEW = {"held_until_us": 0, "failures": 0, "open_until_us": 0}


@dataclass(frozen=True, slots=True)
class Fetched:
    """How the last fetch of one address went; `error` is None where it went well."""

    source: str
    url: str
    fetched: datetime
    items: int = 0
    etag: str | None = None
    last_modified: str | None = None
    error: str | None = None


def of(session: Session, source: str) -> dict[str, Fetched]:
    """The last fetches of a source by address."""
    rows = session.connection().execute(select(core.fetch).where(_F.source == source))
    return {row.url: _fetched(row) for row in rows}


def last(session: Session) -> dict[str, Fetched]:
    """The newest fetch of every source ever asked; of several addresses at once, a failed one."""
    query = select(core.fetch).order_by(_F.fetched_us, _F.error.is_not(None), _F.url)
    return {row.source: _fetched(row) for row in session.connection().execute(query)}


def newest_success(session: Session, source: str) -> datetime | None:
    """When the source last answered well."""
    query = select(func.max(_F.fetched_us)).where(_F.source == source, _F.error.is_(None))
    found = session.connection().execute(query).scalar_one()
    return None if found is None else from_us(found)


def keep(session: Session, fetched: Iterable[Fetched]) -> None:
    """Note how these fetches went, in place of the earlier ones of the same addresses."""
    statement = _upsert(session, core.fetch)
    rest = {name: statement.excluded[name] for name in ("etag", "last_modified", "fetched_us", "items", "error")}
    rows = [_row(one) for one in fetched]
    if rows:
        session.connection().execute(statement.on_conflict_do_update(index_elements=["source", "url"], set_=rest), rows)


def forget_before(session: Session, source: str, before: datetime) -> None:
    """Drop addresses of a source not asked since: dated addresses would pile up."""
    session.connection().execute(delete(core.fetch).where(_F.source == source, _F.fetched_us < to_us(before)))


def reserve(session: Session, host: str, now: datetime, seconds: float) -> datetime:
    """Take the next free moment of a host for one request, before it is made; later ones wait `seconds` more.

    One statement, so that no two processes get the same moment.
    """
    now_us, step = to_us(now), round(seconds * 1e6)
    is_ahead = (_P.next_us > now_us) & (_P.next_us <= to_us(now + HORIZON))
    statement = _upsert(session, core.pace).values(host=host, next_us=now_us + step, **_NEW)
    row = session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["host"], set_={"next_us": case((is_ahead, _P.next_us), else_=now_us) + step}
        ).returning(_P.next_us)
    )
    return from_us(row.scalar_one() - step)


def postpone(session: Session, host: str, until: datetime) -> None:
    """Ask a host no earlier than this: it said so itself (Retry-After)."""
    until_us = to_us(until)
    statement = _upsert(session, core.pace).values(host=host, next_us=until_us, **_NEW)
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["host"], set_={"next_us": case((_P.next_us > until_us, _P.next_us), else_=until_us)}
        )
    )


def _upsert(session: Session, table: Table) -> sqlite.Insert | postgresql.Insert:
    """INSERT … ON CONFLICT of whichever database this is; both read the same."""
    is_sqlite = session.connection().dialect.name == "sqlite"
    return sqlite.insert(table) if is_sqlite else postgresql.insert(table)


def _row(fetched: Fetched) -> dict[str, object]:
    return {
        "source": fetched.source,
        "url": fetched.url,
        "etag": fetched.etag,
        "last_modified": fetched.last_modified,
        "fetched_us": to_us(fetched.fetched),
        "items": fetched.items,
        "error": fetched.error[:ERROR_MAX] if fetched.error else None,
    }


def _fetched(row: core.Record) -> Fetched:
    return Fetched(
        source=row.source,
        url=row.url,
        fetched=from_us(row.fetched_us),
        items=row.items,
        etag=row.etag,
        last_modified=row.last_modified,
        error=row.error,
    )
