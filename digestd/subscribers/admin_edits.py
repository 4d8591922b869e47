"""Add and edit single subscribers on the operator's behalf, by CLI or API."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.store import subscribers, suppressions
from digestd.store.database import Database
from digestd.subscribers.lookup import find
from digestd.subscribers.notices import NoticeContext
from digestd.subscribers.signup import (
    add_pending,
    request_signup_in_session,
    send_confirmation,
    stranger_budgets,
)
from digestd.subscribers.status_changes import NoConsent
from digestd.subscribers.subscriber_record import SubscriberRecord


class EditResult(StrEnum):
    """The outcome of adding or editing one subscriber."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


def add(
    db: Database, notices: NoticeContext, record: SubscriberRecord, now: datetime, cause: Cause = Cause.CLI
) -> EditResult:
    """Add a subscriber as the operator: active, or pending with a confirmation mail.

    Known addresses are updated.

    Raises:
        NoConsent: the address is suppressed, or unsubscribed and the record does not ask for a confirmation.
    """
    with db.write() as session:
        known = _check_allowed(session, notices.keys, record)
        if known is None:
            return _add_new(session, notices, record, (cause, now))
        return _update_known(session, notices, record, known, (cause, now))


def add_via_api(
    db: Database, notices: NoticeContext, record: SubscriberRecord, now: datetime, cause: Cause, causer: str = ""
) -> EditResult:
    """Do as `add` for an API client.

    It may not send confirmation mails without limit.

    Confirmation mails are limited like those caused by a web page, pending subscribers get no second one, and the
    settings apply once the mail is confirmed.

    Args:
        causer: the API token, for the mail budget (domain/mail_budget).
    """
    with db.write() as session:
        known = _check_allowed(session, notices.keys, record)
        if record.status is Status.PENDING and (known is None or known.status in _UNCONFIRMED):
            if known is not None and known.status is Status.PENDING:
                return EditResult.UNCHANGED
            if request_signup_in_session(session, notices, record, cause, now, causer):
                return EditResult.UPDATED if known else EditResult.ADDED
            if known is None and subscribers.by_address_key(session, address_key(notices.keys, record.address)):
                return EditResult.UNCHANGED  # another transaction has just asked them
            raise _asked_recently(record)
        if known is None:
            return _add_new(session, notices, record, (cause, now))
        return _update_known(session, notices, record, known, (cause, now))


_UNCONFIRMED = frozenset({Status.PENDING, Status.UNSUBSCRIBED})


def _asked_recently(record: SubscriberRecord) -> NoConsent:
    return NoConsent(
        f"{record.address} was asked to confirm recently, or many of its domain: wait a day, or a month after three"
    )


def _check_allowed(session: Session, keys: Keys, record: SubscriberRecord) -> Subscriber | None:
    """Return the subscriber of the record's address, if any. Raises NoConsent if it is suppressed."""
    key = address_key(keys, record.address)
    known = subscribers.by_address_key(session, key, lock=True)
    if suppressions.reason_for(session, key) or (known and known.status in {Status.SUPPRESSED, Status.ERASED}):
        raise NoConsent(f"{record.address} is suppressed: digestd must not write to it, so it was not added")
    return known


def _add_new(
    session: Session, notices: NoticeContext, record: SubscriberRecord, by: tuple[Cause, datetime]
) -> EditResult:
    """Store a new subscriber, or update one whom another transaction has just stored."""
    if _store_new(session, notices, record, by):
        return EditResult.ADDED
    known = find(session, notices.keys, record.address, lock=True)
    if known.status is record.status:
        return _edit(session, known, record, by[1])
    return _update_known(session, notices, record, known, by)


def _store_new(session: Session, notices: NoticeContext, record: SubscriberRecord, by: tuple[Cause, datetime]) -> bool:
    """Store a new subscriber; return False if another transaction was first."""
    if record.status is Status.PENDING:
        return add_pending(session, notices, record, *by)
    key = address_key(notices.keys, record.address)
    return bool(subscribers.insert_many(session, {key: replace(record.as_new, status=Status.ACTIVE)}, *by))


def _update_known(
    session: Session, notices: NoticeContext, record: SubscriberRecord, known: Subscriber, by: tuple[Cause, datetime]
) -> EditResult:
    by_mail = record.status is Status.PENDING
    if known.status is Status.UNSUBSCRIBED and not by_mail:
        raise NoConsent(f"{record.address} has unsubscribed; --confirm asks them by mail to come back")
    if by_mail and known.status in _UNCONFIRMED:
        budgets = stranger_budgets(notices.keys, record.address, by[0])
        if not send_confirmation(session, notices, known, (record, by[0]), budgets, by[1]):
            raise _asked_recently(record)
        return EditResult.UPDATED
    if known.status is Status.PENDING:
        subscribers.change_status(session, known.key, Status.ACTIVE, *by)
    elif record.apply_to(known) == known:
        return EditResult.UNCHANGED
    subscribers.update_many(session, [record.apply_to(known)], by[1])
    return EditResult.UPDATED


def edit(db: Database, keys: Keys, record: SubscriberRecord, now: datetime) -> EditResult:
    """Change settings and interests, never consent; fields not given are kept. Raises NotFound."""
    with db.write() as session:
        return _edit(session, find(session, keys, record.address, lock=True), record, now)


def _edit(session: Session, known: Subscriber, record: SubscriberRecord, now: datetime) -> EditResult:
    if record.apply_to(known) == known:
        return EditResult.UNCHANGED
    subscribers.update_many(session, [record.apply_to(known)], now)
    return EditResult.UPDATED
