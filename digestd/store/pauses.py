"""Pauses that end by themselves: planning makes their subscribers active again before it asks who is due."""

from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session

from digestd.domain.subscriber import Cause, Status
from digestd.store import core
from digestd.store.subscribers import change_status
from digestd.store.timestamps import to_us

_S = core.subscriber.c


def set_end(session: Session, key: int, until: datetime | None) -> None:
    """Set when a pause ends by itself; None: it does not."""
    values = {"paused_until_us": None if until is None else to_us(until)}
    session.connection().execute(update(core.subscriber).where(_S.id == key).values(values))


def is_any_over(session: Session, now: datetime) -> bool:
    """Return True if any pause has ended by now; cheap."""
    return session.connection().execute(_over(now).limit(1)).first() is not None


def end(session: Session, limit: int, now: datetime) -> None:
    """End up to `limit` pauses that are over by now."""
    for key in session.connection().execute(_over(now).limit(limit)).scalars().all():
        change_status(session, key, Status.ACTIVE, Cause.PAUSE_ENDED, now)


def _over(now: datetime) -> core.Query:
    return select(_S.id).where(_S.paused_until_us <= to_us(now), _S.status == Status.PAUSED).order_by(_S.id)
