"""What the operator does for single subscribers: adding them, changing their settings."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.security.links import Keys, address_key
from digestd.store import subscribers, suppressions
from digestd.store.database import Database
from digestd.subscribers.lookup import find
from digestd.subscribers.notices import NoticeContext
from digestd.subscribers.signup import (
    add_pending,
    new_subscriber,
    request_signup_in_session,
    send_confirmation,
    stranger_budget,
)
from digestd.subscribers.status_changes import NoConsent
from digestd.subscribers.subscriber_record import SubscriberRecord


class EditResult(StrEnum):
    """What became of one record."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


def add(
    db: Database, notices: NoticeContext, record: SubscriberRecord, now: datetime, cause: Cause = Cause.CLI
) -> EditResult:
    """Add one subscriber: active, as the operator vouches for them, or pending with a mail to confirm.

    A known address is updated. Raises NoConsent for one that left or must not be written to; only
    `pending` may ask somebody who unsubscribed to come back.
    """
    with db.write() as session:
        known = _allowed(session, notices.keys, record)
        if known is None:
            return _added(session, notices, record, (cause, now))
        return _known(session, notices, record, known, (cause, now))


def add_via_api(
    db: Database, notices: NoticeContext, record: SubscriberRecord, now: datetime, cause: Cause, causer: str = ""
) -> EditResult:
    """Do as `add` for a program, which does not speak for the operator where it asks for a confirmation.

    Such mails are limited like those that a page causes, whoever waits for one is not asked again, and what was
    asked for is applied once it is confirmed. `causer` is the token: see domain/mail_budget.
    """
    with db.write() as session:
        known = _allowed(session, notices.keys, record)
        if record.status is Status.PENDING and (known is None or known.status in _UNCONFIRMED):
            if known is not None and known.status is Status.PENDING:
                return EditResult.UNCHANGED
            if request_signup_in_session(session, notices, record, cause, now, causer):
                return EditResult.UPDATED if known else EditResult.ADDED
            if known is None and subscribers.by_address_key(session, address_key(notices.keys, record.address)):
                return EditResult.UNCHANGED  # another transaction has just asked them
            raise _asked_lately(record)
        if known is None:
            return _added(session, notices, record, (cause, now))
        return _known(session, notices, record, known, (cause, now))


_UNCONFIRMED = frozenset({Status.PENDING, Status.UNSUBSCRIBED})


def _asked_lately(record: SubscriberRecord) -> NoConsent:
    return NoConsent(f"{record.address} was asked to confirm lately; wait a day, or a month after three mails")


def _allowed(session: Session, keys: Keys, record: SubscriberRecord) -> Subscriber | None:
    """Who has this address, if anybody. Raises NoConsent where it must not be written to."""
    key = address_key(keys, record.address)
    known = subscribers.by_address_key(session, key, lock=True)
    if suppressions.reason_for(session, key) or (known and known.status in {Status.SUPPRESSED, Status.ERASED}):
        raise NoConsent(f"{record.address} is suppressed: digestd must not write to it, so it was not added")
    return known


def _added(
    session: Session, notices: NoticeContext, record: SubscriberRecord, by: tuple[Cause, datetime]
) -> EditResult:
    """Add someone new, or what was said of someone whom another transaction has just added, and asked."""
    if _is_stored(session, notices, record, by):
        return EditResult.ADDED
    known = find(session, notices.keys, record.address, lock=True)
    if known.status is record.status:
        return _changed(session, known, record, by[1])
    return _known(session, notices, record, known, by)


def _is_stored(session: Session, notices: NoticeContext, record: SubscriberRecord, by: tuple[Cause, datetime]) -> bool:
    """Store someone new; False if another transaction was first."""
    if record.status is Status.PENDING:
        return add_pending(session, notices, record, *by)
    key = address_key(notices.keys, record.address)
    return bool(subscribers.insert_many(session, [new_subscriber(record, key, Status.ACTIVE)], *by))


def _known(
    session: Session, notices: NoticeContext, record: SubscriberRecord, known: Subscriber, by: tuple[Cause, datetime]
) -> EditResult:
    by_mail = record.status is Status.PENDING
    if known.status is Status.UNSUBSCRIBED and not by_mail:
        raise NoConsent(f"{record.address} has unsubscribed; --confirm asks them by mail to come back")
    if by_mail and known.status in _UNCONFIRMED:
        budget = stranger_budget(address_key(notices.keys, record.address), by[0])
        if not send_confirmation(session, notices, known, (record, by[0]), budget, by[1]):
            raise _asked_lately(record)
        return EditResult.UPDATED
    if known.status is Status.PENDING:
        subscribers.change_status(session, known.key, Status.ACTIVE, *by)
    elif record.of(known) == known:
        return EditResult.UNCHANGED
    subscribers.update_many(session, [record.of(known)], by[1])
    return EditResult.UPDATED


def edit(db: Database, keys: Keys, record: SubscriberRecord, now: datetime) -> EditResult:
    """Change settings and interests, never consent; what the record does not say stays. Raises NotFound."""
    with db.write() as session:
        return _changed(session, find(session, keys, record.address, lock=True), record, now)


def _changed(session: Session, known: Subscriber, record: SubscriberRecord, now: datetime) -> EditResult:
    if record.of(known) == known:
        return EditResult.UNCHANGED
    subscribers.update_many(session, [record.of(known)], now)
    return EditResult.UPDATED
