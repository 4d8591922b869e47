"""Due subscribers, in blocks, with what planning needs to know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import String, bindparam, case, func, literal_column, or_, select, update
from sqlmodel import Session

from digestd.domain.subscriber import Preferences, Status, Timing, describe_damage
from digestd.errors import Damaged
from digestd.store import core, interests, subscribers
from digestd.store.bulk import KeyLookup
from digestd.store.ledger.packing import unpack_seen
from digestd.store.papers import newest_news
from digestd.store.preferences import COLUMNS, read_date, read_preferences, read_sound_preferences
from digestd.store.timestamps import from_us, to_us

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_S = core.subscriber.c
_ACTIVE = _S.status == literal_column(f"'{Status.ACTIVE}'")
"""Written like the condition of the partial index; SQLite does not match a parameter to it."""
MAX_KEY = 2**63 - 1
DAY = timedelta(days=1)
LONGEST = timedelta(days=10)
"""Longer than the time between two digests of any cadence, even in a zone that skips a day."""
PART_MIN = 5_000
"""Due subscribers that are worth another process, which spends some two seconds on reading the papers as well."""
AHEAD = timedelta(minutes=1)
"""Planning begins so long before subscribers are due, so that sending begins then."""
RETRY_AFTER = timedelta(hours=1)
"""Delay before a subscriber whose digest could not be planned is tried again."""


class DueSubscriber(NamedTuple):
    """A subscriber who may be due.

    Attributes:
        preferences: All but the name, which planning does not use.
        wants: Version of their interests.
        had: Row numbers of papers in earlier digests.
        mark: Changes whenever the row does.
        was_empty: True if their newest digest is empty.
        is_damaged: Something of the row cannot be read, and the other attributes are defaults.
    """

    key: int
    version: int
    preferences: Preferences
    last_date: str | None
    last_planned: datetime | None
    horizon: int | None
    wants: int
    had: NDArray[np.uint32]
    mark: tuple[int, int, str | None]
    was_empty: bool = False
    is_damaged: bool = False


def due(session: Session, after: int, limit: int, now: datetime, before: int = MAX_KEY) -> list[DueSubscriber]:
    """Return up to `limit` active subscribers with `after` < key < `before` that are due, by key.

    Usually nobody is due; an index answers that. Due subscribers are then read in order of key.
    """
    anybody = select(_S.id).where(_ACTIVE, _S.next_due_us <= to_us(now)).limit(1)
    if session.connection().execute(anybody).first() is None:
        return []
    within = _S.id > after, _S.id < before
    query = _DUE.where(_S.status == Status.ACTIVE, _S.next_due_us <= to_us(now), *within).order_by(_S.id).limit(limit)
    rows = session.connection().execute(query).all()  # one by one takes twice as long
    damaged = interests.damaged(session, [row.id for row in rows])
    return [_damaged(row) if row.id in damaged else _due_or_damaged(row) for row in rows]


def plan_until(session: Session, now: datetime) -> datetime:
    """Return by when subscribers are due who are planned now: by `now`, or if nobody is, the next time within AHEAD.

    Their mails are not sent before.
    """
    query = select(func.min(_S.next_due_us)).where(_ACTIVE, _S.next_due_us <= to_us(now + AHEAD))
    first_us = session.connection().execute(query).scalar()
    return now if first_us is None else max(now, from_us(first_us))


def shards(session: Session, size: int, now: datetime) -> list[int]:
    """Return the first key of every block of `size` keys in which a subscriber is due."""
    query = select((_S.id // size * size).label("first")).where(_ACTIVE, _S.next_due_us <= to_us(now)).distinct()
    return sorted(session.connection().execute(query).scalars())


def split(session: Session, parts: int, now: datetime) -> list[range]:
    """Return ranges of keys with about as many due subscribers each: at most `parts`, none if nobody is due."""
    due = select(_S.id).where(_ACTIVE, _S.next_due_us <= to_us(now))
    count = session.connection().execute(select(func.count()).select_from(due.subquery())).scalar_one()
    parts = min(parts, -(-count // PART_MIN))
    ordered = due.order_by(_S.id).limit(1)
    begins = [
        1 if part == 0 else session.connection().execute(ordered.offset(count * part // parts)).scalar_one()
        for part in range(parts)
    ]
    return [range(begin, end) for begin, end in zip(begins, [*begins[1:], MAX_KEY], strict=False)]


def by_key(session: Session, subscriber: int) -> DueSubscriber:
    """Return one subscriber as planning would see them now, due or not. Raises Damaged."""
    known = subscribers.by_key(session, subscriber)
    found = _due_or_damaged(session.connection().execute(_DUE.where(_S.id == subscriber)).one())
    if said := describe_damage(known) if known else "":
        raise Damaged(said)
    if found.is_damaged:
        raise Damaged("cannot be read: papers of earlier digests. They get no digest. Restore the last backup")
    return found


_DUE = (
    select(
        *(_S.id, _S.version, _S.last_date, _S.last_planned_us, _S.horizon, _S.next_due_us, _S.wants),
        *(_S.empty_until_us, core.seen_papers.c.papers.label("had"), *COLUMNS),
    )
    .select_from(core.subscriber)
    .outerjoin(core.seen_papers, core.seen_papers.c.subscriber_id == _S.id)
)


def unchanged(session: Session, shard: Sequence[DueSubscriber]) -> list[DueSubscriber]:
    """Return those of a shard whose rows have not changed; lock them."""
    marks = {key: tuple(mark) for key, *mark in _MARKS.rows(session, [due.key for due in shard])}
    return [due for due in shard if marks.get(due.key) == due.mark]


_MARKS = KeyLookup(
    select(_S.id, _S.version, _S.next_due_us, _S.last_date).where(_ACTIVE).order_by(_S.id).with_for_update(), _S.id
)


def postpone(session: Session, until: Mapping[int, datetime], had: Mapping[int, str] = MappingProxyType({})) -> None:
    """Set the next due time of subscribers who get no digest now.

    `had`: the local date of those who have a digest of this period already.
    """
    rows = [{"row": key, "next_due": to_us(instant), "date": had.get(key)} for key, instant in until.items()]
    core.execute_many(session, _PUT_OFF, rows)


_PUT_OFF = (
    update(core.subscriber)
    .where(_S.id == bindparam("row"))
    .values(
        next_due_us=bindparam("next_due"),
        last_date=func.coalesce(bindparam("date", type_=String), _S.last_date),
        empty_until_us=None,
    )
)


class EmptyDay(NamedTuple):
    """An active subscriber whose digest of the local date `last_date` is empty, and may still be filled."""

    key: int
    timing: Timing
    last_date: str


def empty_days_with_news(session: Session, limit: int, now: datetime) -> list[EmptyDay]:
    """Return up to `limit` subscribers whose day is not over, whose digest is empty and for whom papers came since.

    Usually there are none; an index and the papers of one day answer that. Their rows are locked.
    """
    oldest = select(func.min(func.coalesce(_S.horizon, 0)), func.min(_S.last_planned_us)).where(*_is_empty(now))
    horizon, planned_us = session.connection().execute(oldest).one()
    if planned_us is None:
        return []
    key, seen_us = newest_news(session, min(from_us(planned_us), now) - DAY, now)
    if key <= horizon and seen_us <= planned_us:
        return []
    has_news = or_(func.coalesce(_S.horizon, 0) < key, _S.last_planned_us < seen_us)
    return _empty_days(session, _EMPTY_DAYS.where(*_is_empty(now), has_news).order_by(_S.id).limit(limit))


def empty_day(session: Session, subscriber: int, now: datetime) -> list[EmptyDay]:
    """Return one subscriber if their day is not over and their digest is empty; lock their row."""
    return _empty_days(session, _EMPTY_DAYS.where(_S.id == subscriber, *_is_empty(now)))


def _is_empty(now: datetime) -> tuple[core.Condition, ...]:
    """Return the conditions of the partial index of empty digests that are not final, and are not due again soon."""
    return _ACTIVE, _S.empty_until_us > to_us(now), _S.next_due_us > to_us(now + AHEAD)


_EMPTY_DAYS = select(_S.id, _S.last_date, *COLUMNS).with_for_update()


def _empty_days(session: Session, query: core.Query) -> list[EmptyDay]:
    rows = session.connection().execute(query).all()
    timed = [(key, _timing_or_none(*stored), date) for key, date, *stored in rows]
    return [EmptyDay(key, timing, date) for key, timing, date in timed if timing is not None]


def plan_again(session: Session, changed: Mapping[int, tuple[str, datetime]]) -> None:
    """Make subscribers due whose digest is empty: set until which date they had others at most, and when it is due."""
    rows = [{"row": key, "next_due": to_us(due), "date": date} for key, (date, due) in changed.items()]
    core.execute_many(session, _RESCHEDULE, rows)


def close_empty_days(session: Session, subscribers: Sequence[int]) -> None:
    final = update(core.subscriber).where(_S.id.in_(subscribers)).values(empty_until_us=None)
    session.connection().execute(final)


class FutureDue(NamedTuple):
    """A subscriber who is due later than now, as a clock that was ahead may have left them.

    `timing` is None if it cannot be read.
    """

    key: int
    timing: Timing | None
    last_date: str | None
    planned_us: int | None
    next_due_us: int


def due_later(session: Session, after: int, limit: int, now: datetime, *, lock: bool = False) -> list[FutureDue]:
    """Return up to `limit` active subscribers with key > `after` that are due after `now`, by key."""
    query = (
        select(_S.id, _S.last_date, _S.last_planned_us, _S.next_due_us, *COLUMNS)
        .where(_S.status == Status.ACTIVE, _S.id > after, _S.next_due_us > to_us(now))
        .order_by(_S.id)
        .limit(limit)
    )
    query = query.with_for_update() if lock else query
    return [_future_due(*row) for row in session.connection().execute(query)]


def _future_due(key: int, last_date: Any, planned_us: Any, next_due_us: Any, *stored: Any) -> FutureDue:
    """Return it without timing if a date or a time is damaged; planning names whom it meets so."""
    try:
        sound = read_date(last_date) is None or planned_us is None or isinstance(planned_us, int)
    except (ValueError, TypeError):
        sound = False
    return FutureDue(key, _timing_or_none(*stored) if sound else None, last_date, planned_us, next_due_us)


def reschedule(session: Session, changed: Mapping[int, tuple[str | None, datetime]], now: datetime) -> None:
    """Set the last date and the next due time of subscribers; none was planned later than `now`."""
    rows = [{"row": key, "date": date, "next_due": to_us(due)} for key, (date, due) in changed.items()]
    earlier = case((_S.last_planned_us > to_us(now), to_us(now)), else_=_S.last_planned_us)
    core.execute_many(session, _RESCHEDULE.values(last_planned_us=earlier), rows)


_RESCHEDULE = (
    update(core.subscriber)
    .where(_S.id == bindparam("row"))
    .values(next_due_us=bindparam("next_due"), last_date=bindparam("date"))
)


def _due_or_damaged(row: core.Record) -> DueSubscriber:
    try:
        return _due(row)
    except (LookupError, ValueError, TypeError, OverflowError):
        return _damaged(row)


def _damaged(row: core.Record) -> DueSubscriber:
    return DueSubscriber(row.id, 0, Preferences(), None, None, None, 0, unpack_seen(b""), (0, 0, None), is_damaged=True)


def _due(row: core.Record) -> DueSubscriber:
    key, version, last_date, planned_us, horizon, next_due_us, *more = row  # by name takes thrice as long
    wants, empty_until_us, had, *stored = more
    if isinstance(stored[_NAME], str):
        stored[_NAME] = ""  # most subscribers share the rest, which is then read once
    return DueSubscriber(
        key=key,
        version=version,
        preferences=read_sound_preferences(*stored),
        last_date=read_date(last_date),
        last_planned=None if planned_us is None else _instant(planned_us),
        horizon=horizon,
        wants=wants,
        had=unpack_seen(had or b""),
        mark=(version, next_due_us, last_date),
        was_empty=empty_until_us is not None,
    )


def _timing_or_none(*stored: Any) -> Timing | None:
    preferences, damage = read_preferences(*stored)
    return preferences.timing if _TIMING.isdisjoint(one.field for one in damage) else None


_TIMING = frozenset(field.name for field in fields(Timing))


_instant = lru_cache(maxsize=10_000)(from_us)
_NAME = list(Preferences.model_fields).index("name")
