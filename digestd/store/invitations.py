"""Invitations: mails that whoever types an address can make digestd send there, counted by its keyed hash."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select
from sqlmodel import Session

from digestd.store import core
from digestd.store.instants import to_us

KEPT = timedelta(days=30)
_I = core.invitation.c


def note(session: Session, address_key: bytes, now: datetime) -> None:
    """Count one, and forget those that are too old to count."""
    session.connection().execute(delete(core.invitation).where(_I.at_us <= to_us(now - KEPT)))
    session.connection().execute(insert(core.invitation).values(address_key=address_key, at_us=to_us(now)))


def since(session: Session, address_key: bytes, moment: datetime) -> int:
    """How many an address was sent since then."""
    query = select(func.count()).where(_I.address_key == address_key, _I.at_us > to_us(moment))
    return session.connection().execute(query).scalar() or 0


def forget(session: Session, address_key: bytes) -> None:
    """Leave nothing of an address that was erased."""
    session.connection().execute(delete(core.invitation).where(_I.address_key == address_key))
