"""What the operator does for single subscribers: adding them, changing their settings."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.security.links import Keys, address_key
from digestd.store import subscribers, suppressions
from digestd.store.database import Database
from digestd.subscribers.notices import Post
from digestd.subscribers.signup import ask_here, greet, invite, new, stranger_budget
from digestd.subscribers.status_changes import NoConsent, find
from digestd.subscribers.subscriber_record import Record


class Change(StrEnum):
    """What became of one record."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


def add(db: Database, post: Post, record: Record, now: datetime, cause: Cause = Cause.CLI) -> Change:
    """Add one subscriber: active, as the operator vouches for them, or pending with a mail to confirm.

    A known address is updated. Raises NoConsent for one that left or must not be written to; only
    `pending` may ask somebody who unsubscribed to come back.
    """
    with db.write() as session:
        known = _allowed(session, post.keys, record)
        if known is None:
            return _added(session, post, record, (cause, now))
        return _known(session, post, record, known, (cause, now))


def take_in(db: Database, post: Post, record: Record, now: datetime, cause: Cause, causer: str = "") -> Change:
    """Do as `add` for a program, which does not speak for the operator where it asks for a confirmation.

    Such mails are limited like those that a page causes, whoever waits for one is not asked again, and what was
    asked for is applied once it is confirmed. `causer` is the token: see domain/mail_budget.
    """
    with db.write() as session:
        known = _allowed(session, post.keys, record)
        if record.status is Status.PENDING and (known is None or known.status in _UNCONFIRMED):
            if known is not None and known.status is Status.PENDING:
                return Change.UNCHANGED
            if ask_here(session, post, record, cause, now, causer):
                return Change.UPDATED if known else Change.ADDED
            if known is None and subscribers.by_address_key(session, address_key(post.keys, record.address)):
                return Change.UNCHANGED  # another transaction has just asked them
            raise _asked_lately(record)
        if known is None:
            return _added(session, post, record, (cause, now))
        return _known(session, post, record, known, (cause, now))


_UNCONFIRMED = frozenset({Status.PENDING, Status.UNSUBSCRIBED})


def _asked_lately(record: Record) -> NoConsent:
    return NoConsent(f"{record.address} was asked to confirm lately; wait a day, or a month after three mails")


def _allowed(session: Session, keys: Keys, record: Record) -> Subscriber | None:
    """Who has this address, if anybody. Raises NoConsent where it must not be written to."""
    key = address_key(keys, record.address)
    known = subscribers.by_address_key(session, key, lock=True)
    if suppressions.reason_for(session, key) or (known and known.status in {Status.SUPPRESSED, Status.ERASED}):
        raise NoConsent(f"{record.address} is suppressed: digestd must not write to it, so it was not added")
    return known


def _added(session: Session, post: Post, record: Record, by: tuple[Cause, datetime]) -> Change:
    """Add someone new, or what was said of someone whom another transaction has just added, and asked."""
    if _is_stored(session, post, record, by):
        return Change.ADDED
    known = find(session, post.keys, record.address, lock=True)
    if known.status is record.status:
        return _changed(session, known, record, by[1])
    return _known(session, post, record, known, by)


def _is_stored(session: Session, post: Post, record: Record, by: tuple[Cause, datetime]) -> bool:
    """Store someone new; False if another transaction was first."""
    if record.status is Status.PENDING:
        return greet(session, post, record, *by)
    key = address_key(post.keys, record.address)
    return bool(subscribers.insert_many(session, [new(record, key, Status.ACTIVE)], *by))


def _known(session: Session, post: Post, record: Record, known: Subscriber, by: tuple[Cause, datetime]) -> Change:
    by_mail = record.status is Status.PENDING
    if known.status is Status.UNSUBSCRIBED and not by_mail:
        raise NoConsent(f"{record.address} has unsubscribed; --confirm asks them by mail to come back")
    if by_mail and known.status in _UNCONFIRMED:
        budget = stranger_budget(address_key(post.keys, record.address), by[0])
        if not invite(session, post, known, (record, by[0]), budget, by[1]):
            raise _asked_lately(record)
        return Change.UPDATED
    if known.status is Status.PENDING:
        subscribers.change_status(session, known.key, Status.ACTIVE, *by)
    elif record.of(known) == known:
        return Change.UNCHANGED
    subscribers.update_many(session, [record.of(known)], by[1])
    return Change.UPDATED


def edit(db: Database, keys: Keys, record: Record, now: datetime) -> Change:
    """Change settings and interests, never consent; what the record does not say stays. Raises NotFound."""
    with db.write() as session:
        return _changed(session, find(session, keys, record.address, lock=True), record, now)


def _changed(session: Session, known: Subscriber, record: Record, now: datetime) -> Change:
    if record.of(known) == known:
        return Change.UNCHANGED
    subscribers.update_many(session, [record.of(known)], now)
    return Change.UPDATED
