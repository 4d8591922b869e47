"""Who is due, in blocks; and what planning needs to know of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from digestd.domain.interest import Interest, Kind, Wish
from digestd.domain.subscriber import Bar, Cadence, Status, Timing
from digestd.store import core, feedback, mutings
from digestd.store.instants import from_us, to_us

_S, _I = core.subscriber.c, core.interest.c


@dataclass(frozen=True, slots=True)
class Due:
    """A subscriber whose hour may have come. `mark` tells whether the row is still as it was read."""

    key: int
    version: int
    timing: Timing
    size: int
    last_date: str | None
    last_planned: datetime | None
    horizon: int | None
    interests: tuple[Interest, ...]
    mark: tuple[int, int, str | None]
    bar: Bar = Bar.NORMAL
    explore: bool = True


def due(session: Session, after: int, limit: int, now: datetime) -> list[Due]:
    """Up to `limit` active subscribers with key > `after` that are due by `now`, by key."""
    query = (
        select(core.subscriber)
        .where(_S.status == Status.ACTIVE, _S.next_due_us <= to_us(now), _S.id > after)
        .order_by(_S.id)
        .limit(limit)
    )
    rows = session.connection().execute(query).all()
    interests = wants_of(session, [row.id for row in rows])
    return [_due(row, interests.get(row.id, ())) for row in rows]


def by_key(session: Session, subscriber: int) -> Due:
    """One subscriber as planning would see them now, due or not."""
    row = session.connection().execute(select(core.subscriber).where(_S.id == subscriber)).one()
    return _due(row, wants_of(session, [subscriber]).get(subscriber, ()))


def unchanged(session: Session, shard: Sequence[Due]) -> list[Due]:
    """Those of a shard whose rows are still as they were read; locks them until the transaction ends."""
    query = (
        select(_S.id, _S.version, _S.next_due_us, _S.last_date)
        .where(_S.id.in_([d.key for d in shard]), _S.status == Status.ACTIVE)
        .order_by(_S.id)
        .with_for_update()
    )
    marks = {row.id: _mark(row) for row in session.connection().execute(query)}
    return [d for d in shard if marks.get(d.key) == d.mark]


def put_off(session: Session, until: Mapping[int, datetime]) -> None:
    """Their hour has not come after all: look at them again then."""
    if until:
        rows = [{"row": key, "next_due": to_us(instant)} for key, instant in until.items()]
        session.connection().execute(_PUT_OFF, rows)


_PUT_OFF = update(core.subscriber).where(_S.id == bindparam("row")).values(next_due_us=bindparam("next_due"))


def wants_of(session: Session, subscribers: Sequence[int]) -> dict[int, tuple[Interest, ...]]:
    """What ranking goes by: their interests, what they muted of papers, and the papers they gave feedback on where
    no interest names them."""
    found = interests_of(session, subscribers)
    for key, muted in mutings.standing(session, subscribers).items():
        found[key] = (*found.get(key, ()), *muted)
    for key, said in feedback.wishes(session, subscribers).items():
        own = found.get(key, ())
        named = {interest.value for interest in own if interest.kind is Kind.PAPER}
        found[key] = (*own, *(interest for interest in said if interest.value not in named))
    return found


def interests_of(session: Session, subscribers: Sequence[int]) -> dict[int, tuple[Interest, ...]]:
    """Their interests, in the order given; who has none is absent."""
    query = (
        select(_I.subscriber_id, _I.kind, _I.value, _I.wish, _I.since_us)
        .where(_I.subscriber_id.in_(subscribers))
        .order_by(_I.subscriber_id, _I.position)
    )
    found: dict[int, list[Interest]] = {}
    for who, kind, value, wish, since_us in session.connection().execute(query):
        since = None if since_us is None else from_us(since_us)
        found.setdefault(who, []).append(Interest(_KINDS[kind], value, _WISHES[wish], since))
    return {key: tuple(interests) for key, interests in found.items()}


_KINDS = {str(kind): kind for kind in Kind}
_WISHES = {str(wish): wish for wish in Wish}


def _due(row: core.Record, interests: tuple[Interest, ...]) -> Due:
    return Due(
        key=row.id,
        version=row.version,
        timing=Timing(row.timezone, row.hour, Cadence(row.cadence), row.weekday),
        size=row.size,
        last_date=row.last_date,
        last_planned=None if row.last_planned_us is None else from_us(row.last_planned_us),
        horizon=row.horizon,
        interests=interests,
        mark=_mark(row),
        bar=Bar(row.bar),
        explore=row.explore,
    )


def _mark(row: core.Record) -> tuple[int, int, str | None]:
    return (row.version, row.next_due_us, row.last_date)
