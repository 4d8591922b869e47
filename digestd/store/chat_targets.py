"""Chat targets: where a subscriber's digests go instead of their mailbox."""

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlmodel import Session

from digestd.store import core
from digestd.store.timestamps import to_us

_C = core.chat_target.c


def put(session: Session, subscriber: int, label: str, sealed: bytes, now: datetime) -> None:
    """Set the target of a subscriber. `label`: its name without secrets; `sealed`: the encrypted URL."""
    remove(session, subscriber)
    row = {"subscriber_id": subscriber, "label": label, "sealed": sealed, "set_us": to_us(now)}
    session.connection().execute(insert(core.chat_target).values(row))


def label(session: Session, subscriber: int) -> str | None:
    """Return the name of a subscriber's target, or None if they have none."""
    found: str | None = session.connection().execute(select(_C.label).where(_C.subscriber_id == subscriber)).scalar()
    return found


def remove(session: Session, subscriber: int) -> bool:
    """Delete the target of a subscriber. Return False if there was none."""
    return bool(session.connection().execute(delete(core.chat_target).where(_C.subscriber_id == subscriber)).rowcount)
