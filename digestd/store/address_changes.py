"""Requested address changes.

A change takes effect once the old and the new address have confirmed it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlmodel import Session

from digestd.store import core
from digestd.store.database import Database
from digestd.store.timestamps import from_us, to_us

EXPIRES_AFTER = timedelta(hours=48)
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


def request(session: Session, subscriber: int, address: str, address_key: bytes, now: datetime) -> None:
    """Request an address change; it replaces one that was requested before."""
    cancel(session, subscriber)
    row = {"subscriber_id": subscriber, "address": address, "address_key": address_key, "requested_us": to_us(now)}
    session.connection().execute(insert(core.address_change).values(row))


def of(session: Session, subscriber: int) -> AddressChange | None:
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


def confirm(session: Session, subscriber: int, now: datetime, *, at_new: bool) -> None:
    """Record that the old or the new address confirmed the change."""
    column = "new_confirmed_us" if at_new else "old_confirmed_us"
    change = update(core.address_change).where(_M.subscriber_id == subscriber).values({column: to_us(now)})
    session.connection().execute(change)


def cancel(session: Session, subscriber: int) -> None:
    """Delete the change, whether it was made or is not wanted."""
    session.connection().execute(delete(core.address_change).where(_M.subscriber_id == subscriber))


def delete_expired(db: Database, now: datetime) -> None:
    """Delete changes that were not confirmed in time; write nothing if there are none."""
    old = _M.requested_us < to_us(now - EXPIRES_AFTER)
    with db.read() as session:
        if session.connection().execute(select(_M.subscriber_id).where(old).limit(1)).first() is None:
            return
    with db.write() as session:
        session.connection().execute(delete(core.address_change).where(old))
