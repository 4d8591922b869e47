"""Consent: its events, and the requests that wait for a confirmation.

Events are append-only, one per consent version, each with the wording that was shown. Requests of sign-ups are stored
with their confirmation mails until those are confirmed. A change of address takes effect once the old and the new
address have confirmed it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from sqlalchemy import delete, func, insert, or_, select, update
from sqlmodel import Session

from digestd.domain.subscriber import SUBSCRIBED, Cause, ConsentAction, Status, to_action
from digestd.domain.webhook import consent_event
from digestd.store import core, integrations
from digestd.store.database import Database
from digestd.store.timestamps import from_us, to_us

_E, _W = core.consent_event.c, core.consent_wording.c


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """One change of consent; `version` holds from `at` until the next event."""

    version: int
    status: Status
    cause: Cause
    at: datetime
    network: bytes | None = None
    wording: str = ""


def event(session: Session, subscriber: int, version: int) -> ConsentEvent | None:
    query = _EVENTS.where(_E.subscriber_id == subscriber, _E.version == version)
    return next((_event(row) for row in session.connection().execute(query)), None)


def history(session: Session, subscriber: int) -> list[ConsentEvent]:
    query = _EVENTS.where(_E.subscriber_id == subscriber).order_by(_E.version)
    return [_event(row) for row in session.connection().execute(query)]


def status_at(session: Session, subscriber: int, at: datetime) -> Status | None:
    """Return the status of a subscriber at a time; None before they were stored."""
    query = select(_E.status).where(_E.subscriber_id == subscriber, _E.at_us <= to_us(at))
    found = session.connection().execute(query.order_by(_E.version.desc()).limit(1)).scalar()
    return None if found is None else Status(found)


def left_at(session: Session, subscriber: int) -> datetime | None:
    """Return when a subscriber, who has left, did; None if they get digests or never did."""
    events = history(session, subscriber)
    away = list(takewhile(lambda one: one.status not in SUBSCRIBED, reversed(events)))
    return away[-1].at if 0 < len(away) < len(events) else None


def basis(session: Session, subscriber: int) -> ConsentEvent:
    """Return the event by which the current address of somebody who is subscribed gets digests."""
    kept = SUBSCRIBED | {Status.SUPPRESSED}
    events = list(takewhile(lambda one: one.status in kept, reversed(history(session, subscriber))))
    return next((one for one in events if one.cause is Cause.MOVED), events[-1])


_EVENTS = select(core.consent_event, _W.text).select_from(
    core.consent_event.outerjoin(core.consent_wording, _W.hash == _E.wording)
)


def record(session: Session, events: Iterable[tuple[int, int, Status]], by: Cause | ConsentAction, at_us: int) -> None:
    """Write events as (subscriber, version, status); called with each change of consent."""
    how, events = to_action(by), list(events)
    shared = {
        "cause": how.cause,
        "at_us": at_us,
        "network": how.network,
        "wording": store_wording(session, how.wording),
    }
    rows = [
        {"subscriber_id": subscriber, "version": version, "status": status, **shared}
        for subscriber, version, status in events
    ]
    if rows:
        session.connection().execute(insert(core.consent_event), rows)
        events_by_subscriber = [
            (subscriber, consent_event(version, status, how.cause)) for subscriber, version, status in events
        ]
        integrations.enqueue_events(
            session, [(subscriber, what, how.cause) for subscriber, what in events_by_subscriber if what], at_us
        )


def store_wording(session: Session, wording: str) -> str | None:
    """Store a wording once and return its hash; None for an empty one."""
    if not wording:
        return None
    row = {"hash": hashlib.sha256(wording.encode()).hexdigest(), "text": wording}
    session.connection().execute(
        core.upsert(session, core.consent_wording).values(row).on_conflict_do_nothing(index_elements=["hash"])
    )
    return row["hash"]


def erase_networks(session: Session, subscriber: int) -> None:
    change = update(core.consent_event).where(_E.subscriber_id == subscriber)
    session.connection().execute(change.values(network=None))


def next_event_time(session: Session, subscriber: int, now: datetime) -> int:
    """Return `now`, but not before the last event or the last commit point.

    The caller read its clock before it waited for the lock, and clocks are set back.
    """
    last_event = select(func.max(_E.at_us)).where(_E.subscriber_id == subscriber)
    mails = core.delivery.c.subscriber_id == subscriber
    last_dot = select(func.max(core.delivery.c.final_dot_us)).where(mails)
    earlier_dot = (
        select(func.max(core.earlier_attempt.c.final_dot_us))
        .join_from(core.earlier_attempt, core.delivery, core.delivery.c.id == core.earlier_attempt.c.delivery_id)
        .where(mails)
    )
    before = [session.connection().execute(query).scalar() for query in (last_event, last_dot, earlier_dot)]
    return max(to_us(now), *(int(instant or 0) for instant in before))


def _event(row: core.Record) -> ConsentEvent:
    return ConsentEvent(
        row.version, Status(row.status), Cause(row.cause), from_us(row.at_us), row.network, row.text or ""
    )


REQUEST_EXPIRES_AFTER = timedelta(days=7)
"""Requests cannot be confirmed after this time, and their content is erased."""
_R, _S = core.pending_request.c, core.subscriber.c
_VOID = 0
"""No consent version."""


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """One request for a subscription.

    Attributes:
        n: its number among the subscriber's requests; names the confirmation mail.
        version: the subscriber's consent version when it was made. It counts while that is still the same.
        record: settings and interests as an import line has them; None once applied or erased.
        act: Cause, network and wording of the request.
    """

    n: int
    version: int
    record: Mapping[str, object] | None
    act: ConsentAction
    at: datetime


def add_request(
    session: Session, whose: tuple[int, int], record: Mapping[str, object] | None, by: ConsentAction, now: datetime
) -> PendingRequest:
    """Store a request under a new number.

    `whose`: the subscriber and their consent version.
    """
    subscriber, version = whose
    last = session.connection().execute(select(func.max(_R.n)).where(_R.subscriber_id == subscriber)).scalar()
    request = PendingRequest((last or 0) + 1, version, record, by, now)
    row = {
        "subscriber_id": subscriber,
        "n": request.n,
        "version": version,
        "record": None if record is None else json.dumps(record, ensure_ascii=False),
        "cause": by.cause,
        "network": by.network,
        "wording": store_wording(session, by.wording),
        "at_us": to_us(now),
    }
    session.connection().execute(insert(core.pending_request).values(row))
    return request


def pending_request(session: Session, subscriber: int, n: int) -> PendingRequest | None:
    query = _REQUESTS.where(_R.subscriber_id == subscriber, _R.n == n)
    return next((_request(row) for row in session.connection().execute(query)), None)


def valid_requests(session: Session, subscriber: int, version: int) -> list[PendingRequest]:
    query = _REQUESTS.where(_R.subscriber_id == subscriber, _R.version == version).order_by(_R.n.desc())
    return [_request(row) for row in session.connection().execute(query)]


_REQUESTS = select(core.pending_request, _W.text).select_from(
    core.pending_request.outerjoin(core.consent_wording, _W.hash == _R.wording)
)


def erase_requests(session: Session, subscriber: int, n: int | None = None) -> None:
    change = update(core.pending_request).where(_R.subscriber_id == subscriber)
    change = change if n is None else change.where(_R.n == n)
    session.connection().execute(change.values(record=None, network=None))


def withdraw_request(session: Session, subscriber: int, n: int) -> None:
    """Take one request back: its link counts no more."""
    mine = (_R.subscriber_id == subscriber, _R.n == n)
    session.connection().execute(
        update(core.pending_request).where(*mine).values(version=_VOID, record=None, network=None)
    )


def unconfirmed(session: Session, pending_since: datetime, asked_since: datetime, limit: int) -> list[int]:
    """Return up to `limit` subscribers pending since before `pending_since`, with no request after `asked_since`."""
    has_new_request = select(_R.n).where(_R.subscriber_id == _S.id, _R.at_us > to_us(asked_since)).exists()
    query = (
        select(_S.id)
        .select_from(core.subscriber.join(core.consent_event, (_E.subscriber_id == _S.id) & (_E.version == _S.version)))
        .where(_S.status == Status.PENDING, _E.at_us <= to_us(pending_since), ~has_new_request)
        .order_by(_S.id)
        .limit(limit)
    )
    return list(session.connection().execute(query).scalars())


def erase_expired_requests(db: Database, now: datetime) -> None:
    """Erase the content of old requests. Write nothing if there are none."""
    old = (_R.at_us <= to_us(now - REQUEST_EXPIRES_AFTER)) & or_(_R.record.is_not(None), _R.network.is_not(None))
    with db.read() as session:
        if session.connection().execute(select(_R.n).where(old).limit(1)).first() is None:
            return
    with db.write() as session:
        session.connection().execute(update(core.pending_request).where(old).values(record=None, network=None))


def _request(row: core.Record) -> PendingRequest:
    record = None if row.record is None else json.loads(row.record)
    return PendingRequest(
        row.n, row.version, record, ConsentAction(Cause(row.cause), row.network, row.text or ""), from_us(row.at_us)
    )


ADDRESS_CHANGE_EXPIRES_AFTER = timedelta(hours=48)
"""So long a move can be confirmed: the address may be a stranger's, typed by mistake."""
_M = core.address_change.c


@dataclass(frozen=True, slots=True)
class AddressChange:
    """A requested change: the new address, when, and which sides have confirmed."""

    address: str
    address_key: bytes
    asked: datetime
    at_old: bool
    at_new: bool


def request_address_change(session: Session, subscriber: int, address: str, address_key: bytes, now: datetime) -> None:
    """Request an address change; it replaces one that was requested before."""
    cancel_address_change(session, subscriber)
    row = {"subscriber_id": subscriber, "address": address, "address_key": address_key, "requested_us": to_us(now)}
    session.connection().execute(insert(core.address_change).values(row))


def address_change(session: Session, subscriber: int) -> AddressChange | None:
    """Return the pending address change of a subscriber."""
    row = session.connection().execute(select(core.address_change).where(_M.subscriber_id == subscriber)).first()
    if row is None:
        return None
    return AddressChange(
        row.address,
        bytes(row.address_key),
        from_us(row.requested_us),
        row.old_confirmed_us is not None,
        row.new_confirmed_us is not None,
    )


def confirm_address_change(session: Session, subscriber: int, now: datetime, *, at_new: bool) -> None:
    column = "new_confirmed_us" if at_new else "old_confirmed_us"
    change = update(core.address_change).where(_M.subscriber_id == subscriber).values({column: to_us(now)})
    session.connection().execute(change)


def cancel_address_change(session: Session, subscriber: int) -> None:
    """Delete the change, whether it was made or is not wanted."""
    session.connection().execute(delete(core.address_change).where(_M.subscriber_id == subscriber))


def delete_expired_address_changes(db: Database, now: datetime) -> None:
    """Delete changes that were not confirmed in time; write nothing if there are none."""
    old = _M.requested_us < to_us(now - ADDRESS_CHANGE_EXPIRES_AFTER)
    with db.read() as session:
        if session.connection().execute(select(_M.subscriber_id).where(old).limit(1)).first() is None:
            return
    with db.write() as session:
        session.connection().execute(delete(core.address_change).where(old))
