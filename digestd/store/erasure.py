"""Erasure: only the keyed hash of the address stays.

It stays in no other form and in no file of the database.
"""

import hashlib
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlmodel import Session

from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.store import chat_targets, consent, core, groups, libraries, mail_budgets, pending_requests, subscribers
from digestd.store.database import Database


def erase(session: Session, key: int, now: datetime, cause: Cause = Cause.ERASE) -> Subscriber:
    """Erase a person: only the keyed hash of the address and the fact of mails stay."""
    erased = subscribers.change_status(session, key, Status.ERASED, cause, now)
    subscribers.update_many(session, [_erased_subscriber(erased)], now)
    address_key = subscribers.address_key_of(session, key)
    theirs = core.delivery.c.subscriber_id == key
    mails = select(core.delivery.c.id).where(theirs)
    mail_budgets.anonymise(session, key, address_key)
    pending_requests.erase_content(session, key)
    libraries.forget(session, key)
    groups.forget(session, key)
    chat_targets.remove(session, key)
    for table in (
        *(core.seen_papers, core.feedback, core.muting, core.profile, core.address_change),
        *(core.reference, core.paper_lookup, core.returning_papers),
    ):
        session.connection().execute(delete(table).where(table.c.subscriber_id == key))
    for statement in (
        delete(core.bounce).where(core.bounce.c.address_key == address_key),
        delete(core.reply).where(core.reply.c.delivery_id.in_(mails)),
        # relays quote addresses
        update(core.earlier_attempt).where(core.earlier_attempt.c.delivery_id.in_(mails)).values(text=None),
        update(core.delivery).where(theirs).values(picks=b"", reply_text=None, recipient_key=None),
    ):
        session.connection().execute(statement)
    consent.erase_networks(session, key)
    _detach(session, key, address_key)
    return erased


def _detach(session: Session, key: int, address_key: bytes) -> None:
    """Free the keyed hash of an erased address; only its suppression keeps it.

    The person can then subscribe again as a new subscriber without old links, mails or records.
    """
    freed = hashlib.sha256(b"erased:%d:" % key + address_key).digest()
    session.connection().execute(update(core.subscriber).where(core.subscriber.c.id == key).values(address_key=freed))


def _erased_subscriber(erased: Subscriber) -> Subscriber:
    return Subscriber(
        key=erased.key,
        address=None,
        status=Status.ERASED,
        version=erased.version,
        last_date=erased.last_date,
        last_planned=erased.last_planned,
    )


def scrub(db: Database, *, wait: bool = True) -> bool:
    """Empty SQLite's write-ahead log, which still has deleted data.

    Secure_delete wipes the file itself.

    Returns False if an open transaction still needs the log: call it again later. Without `wait` it does not block.
    """
    if not db.is_sqlite:
        return True
    with db.connected() as connection:
        connection.exec_driver_sql("ROLLBACK")
        if not wait:
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
        busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()
        if not wait:
            connection.invalidate()  # the next one waits again
    return not busy
