"""What the operator does for single subscribers: adding them, changing their settings."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.links import Keys, address_key
from digestd.store import subscribers, suppressions
from digestd.store.database import Database
from digestd.subscribe.asking import greet, invite, new
from digestd.subscribe.leaving import NoConsent, find
from digestd.subscribe.notices import Post
from digestd.subscribe.record import Record


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
    key = address_key(post.keys, record.address)
    with db.write() as session:
        known = subscribers.by_address_key(session, key, lock=True)
        if suppressions.is_suppressed(session, key) or (known and known.status in {Status.SUPPRESSED, Status.ERASED}):
            raise NoConsent(f"{record.address} is suppressed: it must not be written to, and is not added")
        if known is not None:
            return _known(session, post, record, known, (cause, now))
        if record.status is Status.PENDING:
            greet(session, post, record, cause, now)
        else:
            subscribers.insert_many(session, [new(record, key, Status.ACTIVE)], cause, now)
        return Change.ADDED


def _known(session: Session, post: Post, record: Record, known: Subscriber, by: tuple[Cause, datetime]) -> Change:
    by_mail = record.status is Status.PENDING
    if known.status is Status.UNSUBSCRIBED and not by_mail:
        raise NoConsent(f"{record.address} unsubscribed; --confirm asks them by mail whether they want to come back")
    if by_mail and known.status in {Status.PENDING, Status.UNSUBSCRIBED}:
        if not invite(session, post, known, *by):
            raise NoConsent(f"{record.address} was asked to confirm lately; wait a day, or a month after three mails")
    elif known.status is Status.PENDING:
        subscribers.change_status(session, known.key, Status.ACTIVE, *by)
    elif record.of(known) == known:
        return Change.UNCHANGED
    subscribers.update_many(session, [record.of(known)], by[1])
    return Change.UPDATED


def edit(db: Database, keys: Keys, record: Record, now: datetime) -> Change:
    """Change settings and interests, never consent; what the record does not say stays. Raises NotFound."""
    with db.write() as session:
        known = find(session, keys, record.address, lock=True)
        if record.of(known) == known:
            return Change.UNCHANGED
        subscribers.update_many(session, [record.of(known)], now)
        return Change.UPDATED
