"""Consent events: append-only, one a version of a subscriber's consent."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlmodel import Session

from digestd.domain.subscriber import Cause, Status
from digestd.store import core
from digestd.store.instants import from_us, to_us

_E = core.consent_event.c


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """One change of consent: `version` holds from `at` until the next."""

    version: int
    status: Status
    cause: Cause
    at: datetime


def event(session: Session, subscriber: int, version: int) -> ConsentEvent | None:
    """What made a consent version."""
    query = select(core.consent_event).where(_E.subscriber_id == subscriber, _E.version == version)
    return next((_event(row) for row in session.connection().execute(query)), None)


def history(session: Session, subscriber: int) -> list[ConsentEvent]:
    """Every change of a subscriber's consent, oldest first."""
    query = select(core.consent_event).where(_E.subscriber_id == subscriber).order_by(_E.version)
    return [_event(row) for row in session.connection().execute(query)]


def asked_since(session: Session, subscriber: int, since: datetime) -> int:
    """How often they were asked to confirm since then: each is a `pending` event."""
    query = select(func.count()).where(
        _E.subscriber_id == subscriber, _E.status == Status.PENDING, _E.at_us > to_us(since)
    )
    return session.connection().execute(query).scalar() or 0


def note(session: Session, events: Iterable[tuple[int, int, Status]], cause: Cause, at_us: int) -> None:
    """Write events as (subscriber, version, status); `subscribers` calls this with each change of status."""
    rows = [
        {"subscriber_id": subscriber, "version": version, "status": status, "cause": cause, "at_us": at_us}
        for subscriber, version, status in events
    ]
    if rows:
        session.connection().execute(insert(core.consent_event), rows)


def time_of_next(session: Session, subscriber: int, now: datetime) -> int:
    """`now`, but not before the last event, nor before the last dot that passed the gate.

    The caller read its clock before it waited for the lock, and clocks are set back.
    """
    last_event = select(func.max(_E.at_us)).where(_E.subscriber_id == subscriber)
    last_dot = (
        select(func.max(core.attempt.c.dot_us))
        .select_from(core.attempt.join(core.delivery, core.delivery.c.id == core.attempt.c.delivery_id))
        .where(core.delivery.c.subscriber_id == subscriber)
    )
    before = [session.connection().execute(query).scalar() for query in (last_event, last_dot)]
    return max(to_us(now), *(int(instant or 0) for instant in before))


def _event(row: core.Record) -> ConsentEvent:
    return ConsentEvent(row.version, Status(row.status), Cause(row.cause), from_us(row.at_us))
