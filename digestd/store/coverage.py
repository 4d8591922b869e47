"""Completeness of each announcement day of each source."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from sqlalchemy import func, select
from sqlmodel import Session

from digestd.domain.coverage import Coverage, CoverageState
from digestd.domain.paper import PaperId
from digestd.store import core
from digestd.store.bulk import chunks
from digestd.store.papers import aliases
from digestd.store.timestamps import to_us

_C, _G = core.coverage.c, core.sighting.c
NOTE_MAX = 500
REMEMBERED = 200
"""So many sightings of a source show what its records usually hold."""
_SEARCHED = 5_000


def upsert(session: Session, found: Iterable[Coverage], now: datetime) -> None:
    """Store these days in place of what was known of them."""
    statement = core.upsert(session, core.coverage)
    rest = {name: statement.excluded[name] for name in ("state", "items", "expected", "note", "at_us")}
    rows = [_row(one, now) for one in found]
    core.execute_many(session, statement.on_conflict_do_update(index_elements=["source", "day"], set_=rest), rows)


def of_source(session: Session, source: str, since: date) -> list[Coverage]:
    """Return the days of one source from `since` on, oldest first."""
    query = select(core.coverage).where(_C.source == source, _C.day >= since.isoformat()).order_by(_C.day)
    return [_coverage(row) for row in session.connection().execute(query)]


def recent(session: Session, since: date) -> list[Coverage]:
    """Return the days of all sources from `since` on, newest first, then by source."""
    query = select(core.coverage).where(_C.day >= since.isoformat()).order_by(_C.day.desc(), _C.source)
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


def _row(found: Coverage, now: datetime) -> dict[str, object]:
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
