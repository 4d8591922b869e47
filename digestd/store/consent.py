"""Consent events: append-only, one per consent version.

Each has the wording that was shown.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlmodel import Session

from digestd.domain.subscriber import Cause, ConsentAction, Status, to_action
from digestd.domain.webhook import consent_event
from digestd.store import core, webhooks
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
    """Return every change of a subscriber's consent, oldest first."""
    query = _EVENTS.where(_E.subscriber_id == subscriber).order_by(_E.version)
    return [_event(row) for row in session.connection().execute(query)]


def status_at(session: Session, subscriber: int, at: datetime) -> Status | None:
    """Return the status of a subscriber at a time; None before they were stored."""
    query = select(_E.status).where(_E.subscriber_id == subscriber, _E.at_us <= to_us(at))
    found = session.connection().execute(query.order_by(_E.version.desc()).limit(1)).scalar()
    return None if found is None else Status(found)


_EVENTS = select(core.consent_event, _W.text).select_from(
    core.consent_event.outerjoin(core.consent_wording, _W.hash == _E.wording)
)


def record(session: Session, events: Iterable[tuple[int, int, Status]], by: Cause | ConsentAction, at_us: int) -> None:
    """Write events as (subscriber, version, status).

    Called with each change of consent.
    """
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
        webhooks.enqueue(
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
    """Erase the networks from the consent record of an erased person."""
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
