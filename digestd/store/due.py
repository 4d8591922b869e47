"""Due subscribers, in blocks, with what planning needs to know of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, and_, bindparam, func, literal_column, select, update
from sqlmodel import Session

from digestd.domain.subscriber import Cadence, MinScore, Status, Timing
from digestd.store import core, profiles
from digestd.store.bulk import KeyLookup
from digestd.store.packing import unpack_seen
from digestd.store.profiles import StoredProfile
from digestd.store.timestamps import from_us, to_us

_S, _I, _P = core.subscriber.c, core.interest.c, core.profile.c
_ACTIVE = _S.status == literal_column(f"'{Status.ACTIVE}'")
"""Written like the condition of the partial index; SQLite does not match a parameter to it."""
MAX_KEY = 2**63 - 1
LONGEST = timedelta(days=10)
"""Longer than the time between two digests of any cadence, even in a zone that skips a day."""


class DueSubscriber(NamedTuple):
    """A subscriber who may be due.

    Attributes:
        wants: Version of their interests.
        profile: The stored profile, if it is still valid.
        had: Row numbers of papers in earlier digests.
        mark: Changes whenever the row does.
    """

    key: int
    version: int
    timing: Timing
    size: int
    last_date: str | None
    last_planned: datetime | None
    horizon: int | None
    wants: int
    profile: StoredProfile | None
    had: NDArray[np.uint32]
    mark: tuple[int, int, str | None]
    min_score: MinScore = MinScore.NORMAL
    explore: bool = True
    only_categories: bool = False
    when_empty: bool = False


def due(session: Session, after: int, limit: int, now: datetime, before: int = MAX_KEY) -> list[DueSubscriber]:
    """Return up to `limit` active subscribers with `after` < key < `before` that are due, by key.

    Usually nobody is due; an index answers that. Due subscribers are then read in order of key.
    """
    anybody = select(_S.id).where(_ACTIVE, _S.next_due_us <= to_us(now)).limit(1)
    if session.connection().execute(anybody).first() is None:
        return []
    within = _S.id > after, _S.id < before
    query = _DUE.where(_S.status == Status.ACTIVE, _S.next_due_us <= to_us(now), *within).order_by(_S.id).limit(limit)
    return [_due(row) for row in session.connection().execute(query).all()]  # one by one takes twice as long


def shards(session: Session, size: int, now: datetime) -> list[int]:
    """Return the first key of every block of `size` keys in which a subscriber is due."""
    query = select((_S.id // size * size).label("first")).where(_ACTIVE, _S.next_due_us <= to_us(now)).distinct()
    return sorted(session.connection().execute(query).scalars())


def by_key(session: Session, subscriber: int) -> DueSubscriber:
    """Return one subscriber as planning would see them now, due or not."""
    return _due(session.connection().execute(_DUE.where(_S.id == subscriber)).one())


_DUE = (
    select(
        *(_S.id, _S.version, _S.timezone, _S.hour, _S.cadence, _S.weekday, _S.size, _S.min_score, _S.explore),
        _S.only_categories,
        _S.when_empty,
        *(_S.last_date, _S.last_planned_us, _S.horizon, _S.next_due_us, _S.wants),
        *(_P.model, _P.papers, _P.record, core.seen_papers.c.papers.label("had")),
    )
    .select_from(core.subscriber)
    .outerjoin(core.profile, and_(_P.subscriber_id == _S.id, _P.wants == _S.wants))
    .outerjoin(core.seen_papers, core.seen_papers.c.subscriber_id == _S.id)
)


def unchanged(session: Session, shard: Sequence[DueSubscriber]) -> list[DueSubscriber]:
    """Return those of a shard whose rows have not changed; lock them."""
    marks = {key: tuple(mark) for key, *mark in _MARKS.rows(session, [due.key for due in shard])}
    return [due for due in shard if marks.get(due.key) == due.mark]


_MARKS = KeyLookup(
    select(_S.id, _S.version, _S.next_due_us, _S.last_date).where(_ACTIVE).order_by(_S.id).with_for_update(), _S.id
)


def postpone(session: Session, until: Mapping[int, datetime]) -> None:
    """Set the next due time of subscribers whose hour has not come yet."""
    if until:
        rows = [{"row": key, "next_due": to_us(instant)} for key, instant in until.items()]
        session.connection().execute(_PUT_OFF, rows)


_PUT_OFF = update(core.subscriber).where(_S.id == bindparam("row")).values(next_due_us=bindparam("next_due"))


def count_misscheduled(session: Session, now: datetime) -> int:
    """Count subscribers due later than any cadence allows (set by a wrong clock)."""
    query = select(func.count()).select_from(core.subscriber).where(*_too_far(now))
    return int(session.connection().execute(query).scalar_one())


def reschedule_misscheduled(session: Session, now: datetime) -> int:
    """Make misscheduled subscribers due now and return how many there were."""
    change = update(core.subscriber).where(*_too_far(now)).values(next_due_us=to_us(now), last_date=None)
    return session.connection().execute(change).rowcount


def _too_far(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _ACTIVE, _S.next_due_us > to_us(now + LONGEST)


def _due(row: core.Record) -> DueSubscriber:
    key, version, timezone, hour, cadence, weekday, size, bar, explore, *more = row  # by name takes thrice as long
    only_categories, when_empty, last_date, planned_us, horizon, next_due_us, wants, model, papers, record, had = more
    return DueSubscriber(
        key=key,
        version=version,
        timing=_timing(timezone, hour, cadence, weekday),
        size=size,
        last_date=last_date,
        last_planned=None if planned_us is None else _instant(planned_us),
        horizon=horizon,
        wants=wants,
        profile=profiles.read(model, wants, papers, record),
        had=_NOTHING if had is None else unpack_seen(had),
        mark=(version, next_due_us, last_date),
        min_score=_BARS[bar],
        explore=explore,
        only_categories=only_categories,
        when_empty=when_empty,
    )


@lru_cache(maxsize=10_000)
def _timing(timezone: str, hour: int, cadence: str, weekday: int) -> Timing:
    return Timing(timezone, hour, Cadence(cadence), weekday)


_instant = lru_cache(maxsize=10_000)(from_us)
_BARS = {str(bar): bar for bar in MinScore}
_NOTHING = np.zeros(0, dtype=np.uint32)
