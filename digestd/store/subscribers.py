"""Subscribers and their consent.

`change_status` is the only way to change the status of a stored subscriber: it raises the version, writes the consent
event and sets the next due time, in the caller's transaction. `update_many` changes settings and interests and leaves
the version alone; `change_address` raises it. A subscriber is locked when read for a change (PostgreSQL by row; SQLite
has one writer), so that consent and the commit point see each other.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, case, delete, func, insert, select, update
from sqlmodel import Session

from digestd.domain.interest import Interest
from digestd.domain.schedule import due_period, first_due
from digestd.domain.subscriber import SUBSCRIBED, Cause, ConsentAction, Damage, Preferences, Status, Subscriber
from digestd.store import consent, core, integrations, interests, opt_outs, references
from digestd.store.bulk import KeyLookup
from digestd.store.opt_outs import Event, OptOut
from digestd.store.preferences import read_row, read_state, read_status, read_time, row_values
from digestd.store.timestamps import from_us, to_us

BLOCK = 500
TOKENS_REST = timedelta(hours=1)
"""Time after which the tokens of a subscriber who left end; who comes back earlier keeps them."""
_TOKENS_END = frozenset({Status.SUPPRESSED, Status.ERASED})
_S = core.subscriber.c


def insert_many(
    session: Session, new: Mapping[bytes, Subscriber], by: Cause | ConsentAction, now: datetime
) -> dict[bytes, int]:
    """Insert new subscribers by their address keys, at version 1, and return their numbers by address key.

    One whose address key exists already is left out: another transaction was first.
    """
    if not new:
        return {}
    rows = [_row(address_key, subscriber, now) for address_key, subscriber in new.items()]
    statement = core.upsert(session, core.subscriber).on_conflict_do_nothing(index_elements=["address_key"])
    done = session.connection().execute(statement.returning(_S.id, _S.address_key), rows)
    keys = {row.address_key: row.id for row in done}
    stored = {keys[address_key]: one for address_key, one in new.items() if address_key in keys}
    consent.record(session, [(key, 1, one.status) for key, one in stored.items()], by, to_us(now))
    _add_interests(session, {key: one.interests for key, one in stored.items()}, now)
    references.request_lookups(session, {key: one.interests for key, one in stored.items() if one.interests}, now)
    return keys


def _row(address_key: bytes, new: Subscriber, now: datetime) -> dict[str, object]:
    return {
        "address": new.address,
        "address_key": address_key,
        "status": new.status,
        "version": 1,
        **row_values(new.preferences),
        "created_us": to_us(now),
        "next_due_us": to_us(first_due(new.timing, now)),
        "wants": 0,
        "links_from_us": 0,
    }


def update_many(session: Session, subscribers: Sequence[Subscriber], now: datetime) -> None:
    """Write settings and interests of known subscribers; consent is not touched.

    Each is given a fresh due time, which also tells a planner that read them before to look again.
    """
    if not subscribers:
        return
    core.execute_many(session, _UPDATE, [_change(one, now) for one in subscribers if not one.damage])
    for one in subscribers:
        if one.damage:
            _update_readable(session, one)
    keys = [s.key for s in subscribers]
    since = {(key, i): i.since for key, stood in interests.readable(session, keys)[0].items() for i in stood}
    kept = [s.key for s in subscribers if any(one.field == "interests" for one in s.damage)]
    interests.delete(session, kept, [key for key in keys if key not in kept])
    dated = {s.key: [replace(i, since=i.since or since.get((s.key, i))) for i in s.interests] for s in subscribers}
    _add_interests(session, dated, now)
    references.delete_unused(session, keys)
    references.request_lookups(session, dated, now)
    forget_unplanned(session, [s.key for s in subscribers if not s.damage])


def _update_readable(session: Session, subscriber: Subscriber) -> None:
    """Write the settings of a subscriber and leave the damaged ones as they are: they are named until corrected."""
    damaged = {one.field for one in subscriber.damage}
    if damaged & _CHECKED_TOGETHER:
        damaged |= _CHECKED_TOGETHER
    values = {name: value for name, value in row_values(subscriber.preferences).items() if name not in damaged}
    change = update(core.subscriber).where(_S.id == subscriber.key).values(wants=_S.wants + 1, **values)
    session.connection().execute(change)


def _change(subscriber: Subscriber, now: datetime) -> dict[str, object]:
    timing, last_date = subscriber.timing, subscriber.last_date
    return {
        "who": subscriber.key,
        "now": to_us(now),
        "still_due": due_period(timing, last_date, now) is not None,
        "first": to_us(first_due(timing, now, last_date)),
        **{f"new_{name}": value for name, value in row_values(subscriber.preferences).items()},
    }


_CHECKED_TOGETHER = frozenset({"hour", "weekday", "size"})
"""Columns of one CHECK constraint: while one is damaged, SQLite takes none of the others."""
_UPDATE = (
    update(core.subscriber)
    .where(_S.id == bindparam("who"))
    .values(
        # who was due already and still is (a weekly digest may be days late) stays due
        next_due_us=case(
            ((_S.next_due_us <= bindparam("now")) & bindparam("still_due"), bindparam("now")),
            else_=bindparam("first"),
        ),
        wants=_S.wants + 1,
        **{name: bindparam(f"new_{name}") for name in Preferences.model_fields},
    )
)


def change_status(session: Session, key: int, status: Status, by: Cause | ConsentAction, now: datetime) -> Subscriber:
    """Change the status, with a consent event and a new due time.

    A fresh `pending` is an event of its own even where they were pending before. Raises KeyError
    for an unknown key.
    """
    subscriber = by_key(session, key, lock=True)
    if subscriber is None:
        raise KeyError(key)
    if subscriber.status is status and status is not Status.PENDING:
        return subscriber
    gone = {"address": None, "name": ""} if status is Status.ERASED else {}
    due = to_us(first_due(subscriber.timing, now, subscriber.last_date))
    return _consented(
        session, subscriber, {"status": status, "next_due_us": due, "paused_until_us": None, **gone}, (by, now)
    )


def change_address(session: Session, key: int, to: tuple[str, bytes], by: ConsentAction, now: datetime) -> Subscriber:
    """Change the address (and its keyed hash); mails to the old one are not sent.

    Links from before are void, and what bounces late of mails from before still counts for the old address.
    """
    subscriber = by_key(session, key, lock=True)
    if subscriber is None:
        raise KeyError(key)
    theirs = (core.delivery.c.subscriber_id == key, core.delivery.c.recipient_key.is_(None))
    before = address_key_of(session, key)
    session.connection().execute(update(core.delivery).where(*theirs).values(recipient_key=before))
    opt_outs.note(session, OptOut(Event.MOVED, before, to_us(now), other=to[1]))
    moved = {"address": to[0], "address_key": to[1], "links_from_us": to_us(now)}
    return _consented(session, subscriber, moved, (by, now))


def _consented(
    session: Session, before: Subscriber, changed: Mapping[str, object], by: tuple[Cause | ConsentAction, datetime]
) -> Subscriber:
    """Raise the consent version with these changes and record the event."""
    version, (act, now) = before.version + 1, by
    change = update(core.subscriber).where(_S.id == before.key).values(version=version, **changed)
    session.connection().execute(change)
    status = Status(str(changed.get("status", before.status)))
    at_us = consent.next_event_time(session, before.key, now)
    left = consent.left_at(session, before.key) if status in SUBSCRIBED else None
    consent.record(session, [(before.key, version, status)], act, at_us)
    opt_outs.note_status(session, address_key_of(session, before.key), status, at_us)
    if status in _TOKENS_END or (left is not None and from_us(at_us) - left > TOKENS_REST):
        integrations.revoke_tokens_of(session, before.key, at_us)
    after = by_key(session, before.key)
    assert after is not None  # noqa: S101  # it is locked, and rows are never deleted
    return after


def set_pause_end(session: Session, key: int, until: datetime | None) -> None:
    """Set when a pause ends by itself; None: it does not."""
    if until is not None:
        paused_us = consent.history(session, key)[-1].at
        entry = OptOut(Event.PAUSED, address_key_of(session, key), to_us(paused_us), until_us=to_us(until))
        opt_outs.note(session, entry)
    values = {"paused_until_us": None if until is None else to_us(until)}
    session.connection().execute(update(core.subscriber).where(_S.id == key).values(values))


def is_any_pause_over(session: Session, now: datetime) -> bool:
    return session.connection().execute(_paused_until(now).limit(1)).first() is not None


def end_pauses(session: Session, limit: int, now: datetime) -> None:
    for key in session.connection().execute(_paused_until(now).limit(limit)).scalars().all():
        change_status(session, key, Status.ACTIVE, Cause.PAUSE_ENDED, now)


def _paused_until(now: datetime) -> core.Query:
    return select(_S.id).where(_S.paused_until_us <= to_us(now), _S.status == Status.PAUSED).order_by(_S.id)


def invalidate_links(session: Session, key: int, before: datetime) -> None:
    session.connection().execute(update(core.subscriber).where(_S.id == key).values(links_from_us=to_us(before)))


def _add_interests(session: Session, interests: Mapping[int, Sequence[Interest]], now: datetime) -> None:
    """Insert interests; new ones date from now."""
    rows = [
        {
            "subscriber_id": key,
            "kind": i.kind,
            "value": i.value,
            "stance": i.stance,
            "position": position,
            "since_us": to_us(i.since or now),
        }
        for key, given in interests.items()
        for position, i in enumerate(given)
    ]
    core.execute_many(session, insert(core.interest), rows)


def by_key(session: Session, key: int, *, lock: bool = False) -> Subscriber | None:
    """Return a subscriber by row number; `lock` it to change it in this transaction."""
    row = session.connection().execute(_LOCKED if lock else _BY_KEY, {"row": key}).first()
    return next(iter(_subscribers(session, [row] if row else [])), None)


_BY_KEY = select(core.subscriber).where(_S.id == bindparam("row"))
_LOCKED = _BY_KEY.with_for_update()


def by_address_key(session: Session, address_key: bytes, *, lock: bool = False) -> Subscriber | None:
    query = select(core.subscriber).where(_S.address_key == address_key)
    return next(iter(_read(session, query.with_for_update() if lock else query)), None)


def by_address_keys(session: Session, address_keys: Sequence[bytes]) -> dict[bytes, Subscriber]:
    """Return and lock the known subscribers among these address keys."""
    query = select(core.subscriber).where(_S.address_key.in_(address_keys)).order_by(_S.id).with_for_update()
    rows = session.connection().execute(query).all()
    return dict(zip([row.address_key for row in rows], _subscribers(session, rows), strict=True))


def listing(session: Session, after_key: int, limit: int, status: Status | None = None) -> list[Subscriber]:
    """Return up to `limit` subscribers with key > `after_key`, by key."""
    query = select(core.subscriber).where(_S.id > after_key).order_by(_S.id).limit(limit)
    return _read(session, query if status is None else query.where(_S.status == status))


def stream(session: Session, status: Status | None = None) -> Iterator[Subscriber]:
    """Yield all subscribers by key, read in blocks so that memory stays flat."""
    block = listing(session, 0, BLOCK, status)
    while block:
        yield from block
        block = listing(session, block[-1].key, BLOCK, status)


def damaged(session: Session) -> Iterator[Subscriber]:
    """Yield the subscribers of whom something cannot be read, who are not erased; reads all of them."""
    return (one for one in stream(session) if one.damage and one.status is not Status.ERASED)


def created(session: Session, key: int) -> datetime:
    return from_us(session.connection().execute(select(_S.created_us).where(_S.id == key)).scalar_one())


def next_due(session: Session, key: int) -> datetime | None:
    """Return when a subscriber is due, if they are active; None if that cannot be read."""
    [row] = _NEXT_DUE.rows(session, [key])
    return read_time(row.next_due_us)


_NEXT_DUE = KeyLookup(select(_S.next_due_us), _S.id)


def count(session: Session) -> dict[Status, int]:
    """Return the number of subscribers of each status. One that cannot be read counts as paused."""
    query = select(_S.status, func.count().label("how_many")).group_by(_S.status)
    found: Counter[Status] = Counter()
    for row in session.connection().execute(query):
        found[read_status(row.status)] += row.how_many
    return dict(found)


def address_key_of(session: Session, key: int) -> bytes:
    """Return the keyed hash of a subscriber's address; raise KeyError if unknown."""
    found = session.connection().execute(select(_S.address_key).where(_S.id == key)).scalar()
    if found is None:
        raise KeyError(key)
    return bytes(found)


def any_address(session: Session) -> tuple[str, bytes] | None:
    query = select(_S.address, _S.address_key).where(_S.address.is_not(None)).limit(1)
    row = session.connection().execute(query).first()
    return None if row is None else (row.address, bytes(row.address_key))


def active_languages(session: Session) -> list[str]:
    query = select(_S.language).where(_S.status == Status.ACTIVE).distinct().order_by(_S.language)
    return list(session.connection().execute(query).scalars())


def languages(session: Session) -> list[str]:
    return list(session.connection().execute(select(_S.language).distinct()).scalars())


def _read(session: Session, query: core.Query) -> list[Subscriber]:
    return _subscribers(session, session.connection().execute(query).all())


def _subscribers(session: Session, rows: Sequence[core.Record]) -> list[Subscriber]:
    found, damaged = interests.readable(session, [row.id for row in rows])
    return [_subscriber(row, found.get(row.id, ()), damaged.get(row.id)) for row in rows]


def _subscriber(row: core.Record, own: tuple[Interest, ...], damaged_interest: str | None) -> Subscriber:
    preferences, damage = read_row(row)
    times, damaged = read_state(row)
    return Subscriber(
        key=row.id,
        address=row.address,
        version=row.version,
        preferences=preferences,
        interests=own,
        damage=(*damage, *damaged, *([Damage("interests", damaged_interest)] if damaged_interest else [])),
        **times,
    )


_ALERT = core.alert_state.c
_UNPLANNED = "unplanned "
_IS_UNPLANNED = _ALERT.event.like(f"{_UNPLANNED}%")
UNPLANNED_KEPT = timedelta(hours=2)
"""Longer than the time after which planning tries again."""


def note_unplanned(session: Session, keys: Iterable[int], now: datetime) -> None:
    """Note subscribers whose digest could not be planned, for UNPLANNED_KEPT."""
    minutes, old = _minutes(now), _minutes(now - UNPLANNED_KEPT)
    session.connection().execute(delete(core.alert_state).where(_IS_UNPLANNED, _ALERT.known < old))
    statement = core.upsert(session, core.alert_state)
    noted = statement.on_conflict_do_update(index_elements=["event"], set_={"known": minutes})
    core.execute_many(session, noted, [{"event": f"{_UNPLANNED}{key}", "known": minutes} for key in sorted(keys)])


def unplanned(session: Session, now: datetime) -> list[int]:
    """Return the subscribers whose digest could not be planned lately, by row number."""
    query = select(_ALERT.event).where(_IS_UNPLANNED, _ALERT.known >= _minutes(now - UNPLANNED_KEPT))
    return sorted(int(event.removeprefix(_UNPLANNED)) for event in session.connection().execute(query).scalars())


def forget_unplanned(session: Session, keys: Iterable[int]) -> None:
    """Forget subscribers who were changed since."""
    events = [f"{_UNPLANNED}{key}" for key in keys]
    session.connection().execute(delete(core.alert_state).where(_ALERT.event.in_(events)))


def _minutes(at: datetime) -> int:
    return int(at.timestamp()) // 60
