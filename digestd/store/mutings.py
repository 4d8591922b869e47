"""Mutings from papers: events, appended and taken back, never changed."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlmodel import Session

from digestd.domain.feedback import Muting
from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.paper import PaperId
from digestd.store import core, profiles
from digestd.store.timestamps import from_us, to_us

_M, _P = core.muting.c, core.paper.c


def add(session: Session, subscriber: int, paper: int, kind: Kind, value: str, now: datetime) -> int:
    """Store a muting from a paper (row number) and return the number of the event."""
    row = {"subscriber_id": subscriber, "paper": paper, "kind": kind, "value": value, "at_us": to_us(now)}
    profiles.invalidate(session, [subscriber])
    return int(session.connection().execute(insert(core.muting).values(row).returning(_M.id)).scalar_one())


def undo(session: Session, subscriber: int, paper: int, now: datetime) -> Interest | None:
    """Take back the newest active muting from a paper; return None if there is none."""
    query = (
        select(_M.id, _M.kind, _M.value, _M.at_us)
        .where(_M.subscriber_id == subscriber, _M.paper == paper, _M.undone_us.is_(None))
        .order_by(_M.id.desc())
        .limit(1)
    )
    found = session.connection().execute(query).first()
    if found is None:
        return None
    profiles.invalidate(session, [subscriber])
    session.connection().execute(update(core.muting).where(_M.id == found.id).values(undone_us=to_us(now)))
    return _interest(found)


def undo_all(session: Session, subscriber: int, what: Interest, now: datetime) -> None:
    """Undo every active muting of this interest, from any paper."""
    mine = (_M.subscriber_id == subscriber, _M.kind == what.kind, _M.value == what.value, _M.undone_us.is_(None))
    if session.connection().execute(update(core.muting).where(*mine).values(undone_us=to_us(now))).rowcount:
        profiles.invalidate(session, [subscriber])


def history(session: Session, subscriber: int) -> list[Muting]:
    """Return every muting of a subscriber, oldest first."""
    query = (
        select(core.muting, _P.paper_id)
        .join_from(core.muting, core.paper, _P.id == _M.paper)
        .where(_M.subscriber_id == subscriber)
        .order_by(_M.id)
    )
    return [
        Muting(
            key=row.id,
            paper=PaperId(row.paper_id),
            interest=_interest(row),
            at=from_us(row.at_us),
            undone=None if row.undone_us is None else from_us(row.undone_us),
        )
        for row in session.connection().execute(query)
    ]


def active(session: Session, subscribers: Sequence[int]) -> dict[int, tuple[Interest, ...]]:
    """Return what each subscriber mutes, oldest first; absent if nothing."""
    query = (
        select(_M.subscriber_id, _M.kind, _M.value, _M.at_us)
        .where(_M.subscriber_id.in_(subscribers), _M.undone_us.is_(None))
        .order_by(_M.id)
    )
    found: dict[int, dict[Interest, None]] = {}
    for row in session.connection().execute(query):
        found.setdefault(row.subscriber_id, {})[_interest(row)] = None
    return {key: tuple(muted) for key, muted in found.items()}


def of_papers(session: Session, subscriber: int, papers: Collection[int]) -> tuple[Interest, ...]:
    """Return what was muted from a paper (all its row numbers), oldest first."""
    query = select(_M.kind, _M.value, _M.at_us).where(
        _M.subscriber_id == subscriber, _M.paper.in_(papers), _M.undone_us.is_(None)
    )
    return tuple(dict.fromkeys(_interest(row) for row in session.connection().execute(query.order_by(_M.id))))


def withdraw(session: Session, subscriber: int, papers: Collection[int], what: Interest, now: datetime) -> None:
    """Undo one muting from a paper, including repetitions."""
    theirs = _M.subscriber_id == subscriber, _M.paper.in_(papers), _M.undone_us.is_(None)
    same = _M.kind == what.kind, _M.value == what.value
    profiles.invalidate(session, [subscriber])
    session.connection().execute(update(core.muting).where(*theirs, *same).values(undone_us=to_us(now)))


def active_at(session: Session, subscriber: int, moment: datetime) -> tuple[Interest, ...]:
    """Return what one subscriber muted at a moment in the past."""
    active = [m for m in history(session, subscriber) if m.at <= moment and (m.undone is None or m.undone > moment)]
    return tuple(dict.fromkeys(m.interest for m in active))


def _interest(row: core.Record) -> Interest:
    return Interest(Kind(row.kind), row.value, Stance.MUTED, from_us(row.at_us))
