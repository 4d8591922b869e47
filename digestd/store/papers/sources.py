"""Sources: their last fetches, the records that could not be read, and how complete each announcement day is.

A fetch is kept by source and address, with its validators.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlmodel import Session

from digestd.domain.coverage import Coverage, CoverageState
from digestd.domain.paper import PaperId
from digestd.store import core
from digestd.store.bulk import chunks
from digestd.store.papers import aliases
from digestd.store.timestamps import from_us, to_us

_S, _R = core.source.c, core.rejected_record.c
REJECTS_MAX = 100
"""So many of one source are kept; the first show the pattern."""


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """One record that could not be read when the source was last fetched."""

    where: str
    field: str
    message: str
    at: datetime


def specs(session: Session) -> list[str]:
    """Return the specs of the sources in the order they were added."""
    query = select(_S.spec).order_by(_S.id)
    return list(session.connection().execute(query).scalars())


def add(session: Session, new: Collection[str], now: datetime, conference: str | None = None) -> None:
    """Add sources; each must be new. `conference`: the name of the one whose papers they list, and have listed."""
    if conference:
        of_theirs = update(core.sighting).where(core.sighting.c.source.in_(new))
        session.connection().execute(of_theirs.values(announced="conference"))
    rows = [{"spec": spec, "added_us": to_us(now), "conference": conference} for spec in new]
    core.execute_many(session, insert(core.source), rows)


def remove(session: Session, spec: str) -> None:
    """Remove a source; its papers stay."""
    session.connection().execute(delete(core.source).where(_S.spec == spec))


def replace_rejected(session: Session, source: str, rejected: Iterable[RejectedRecord]) -> None:
    """Store the rejected records of this fetch in place of the last ones."""
    session.connection().execute(delete(core.rejected_record).where(_R.source == source))
    rows = [
        {
            "source": source,
            "n": number,
            "place": one.where[:200],
            "field": one.field[:100],
            "message": one.message[:500],
            "at_us": to_us(one.at),
        }
        for number, one in zip(range(REJECTS_MAX), rejected, strict=False)
    ]
    core.execute_many(session, insert(core.rejected_record), rows)


def rejected(session: Session, source: str) -> list[RejectedRecord]:
    """Return the records that could not be read when the source was last fetched."""
    query = select(core.rejected_record).where(_R.source == source).order_by(_R.n)
    return [
        RejectedRecord(row.place, row.field, row.message, from_us(row.at_us))
        for row in session.connection().execute(query)
    ]


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


def fetches_of(session: Session, source: str) -> dict[str, FetchRecord]:
    rows = session.connection().execute(select(core.fetch).where(_F.source == source))
    return {row.url: _fetched(row) for row in rows}


def latest_fetches(session: Session) -> dict[str, FetchRecord]:
    """Return the newest fetch of every source; of several at once, a failed one."""
    query = select(core.fetch).order_by(_F.fetched_us, _F.error.is_not(None), _F.url)
    return {row.source: _fetched(row) for row in session.connection().execute(query)}


def newest_success(session: Session, source: str) -> datetime | None:
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


def record_fetches(session: Session, fetched: Iterable[FetchRecord]) -> None:
    """Store the results of these fetches; they replace earlier ones of the same URLs."""
    statement = core.upsert(session, core.fetch)
    names = ("etag", "last_modified", "fetched_us", "items", "error")
    rest: dict[str, ColumnElement[Any]] = {name: statement.excluded[name] for name in names}
    rest["succeeded_us"] = func.coalesce(statement.excluded.succeeded_us, _F.succeeded_us)
    rows = [_fetch_row(one) for one in fetched]
    core.execute_many(session, statement.on_conflict_do_update(index_elements=["source", "url"], set_=rest), rows)


def delete_fetches_before(session: Session, source: str, before: datetime) -> None:
    """Delete addresses of a source not fetched since; dated addresses would pile up."""
    session.connection().execute(delete(core.fetch).where(_F.source == source, _F.fetched_us < to_us(before)))


def _fetch_row(fetched: FetchRecord) -> dict[str, object]:
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


_C, _G = core.coverage.c, core.sighting.c
NOTE_MAX = 500
REMEMBERED = 200
"""So many sightings of a source show what its records usually hold."""
_SEARCHED = 5_000


def store_coverage(session: Session, found: Iterable[Coverage], now: datetime) -> None:
    """Store these days in place of what was known of them."""
    statement = core.upsert(session, core.coverage)
    rest = {name: statement.excluded[name] for name in ("state", "items", "expected", "note", "at_us")}
    rows = [_coverage_row(one, now) for one in found]
    core.execute_many(session, statement.on_conflict_do_update(index_elements=["source", "day"], set_=rest), rows)


def coverage_of(session: Session, source: str, since: date) -> list[Coverage]:
    query = select(core.coverage).where(_C.source == source, _C.day >= since.isoformat()).order_by(_C.day)
    return [_coverage(row) for row in session.connection().execute(query)]


def recent_coverage(session: Session, since: date) -> list[Coverage]:
    """Return the days of all sources from `since` on, newest first, then by source."""
    query = select(core.coverage).where(_C.day >= since.isoformat()).order_by(_C.day.desc(), _C.source)
    return [_coverage(row) for row in session.connection().execute(query)]


def coverage_on(session: Session, day: date) -> list[Coverage]:
    """Return one day of all sources."""
    query = select(core.coverage).where(_C.day == day.isoformat()).order_by(_C.source)
    return [_coverage(row) for row in session.connection().execute(query)]


def count_known(session: Session, source: str, ids: Iterable[PaperId]) -> int:
    """Return how many of these papers the source has reported before."""
    keys = set(aliases(session, ids).values())
    query = select(func.count(_G.paper.distinct())).where(_G.source == source)
    found = (session.connection().execute(query.where(_G.paper.in_(chunk))).scalar_one() for chunk in chunks(keys))
    return sum(found)


def latest_records(session: Session, source: str, since: datetime) -> list[Mapping[str, object]]:
    """Return the latest stored records of a source, none from before `since`."""
    newest = select(func.max(_G.id)).scalar_subquery()
    query = (
        select(_G.record)
        .where(_G.id > newest - _SEARCHED, _G.source == source, _G.seen_us >= to_us(since))
        .order_by(_G.id.desc())
        .limit(REMEMBERED)
    )
    return list(session.connection().execute(query).scalars())


def _coverage_row(found: Coverage, now: datetime) -> dict[str, object]:
    return {
        "source": found.source,
        "day": found.day.isoformat(),
        "state": found.state,
        "items": found.items,
        "expected": found.expected,
        "note": found.note[:NOTE_MAX] or None,
        "at_us": to_us(now),
    }


def _coverage(row: core.Record) -> Coverage:
    return Coverage(
        source=row.source,
        day=date.fromisoformat(row.day),
        state=CoverageState(row.state),
        items=row.items,
        expected=row.expected,
        note=row.note or "",
    )
