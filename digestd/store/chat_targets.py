"""Chat targets: where a subscriber's digests go instead of their mailbox, and the ones they have yet to confirm."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, insert, select
from sqlmodel import Session

from digestd.store import core
from digestd.store.timestamps import from_us, to_us

_C, _R = core.chat_target.c, core.chat_request.c


class ChatRequest(NamedTuple):
    """A chat room that a subscriber asked for.

    Attributes:
        label: Its name without secrets.
        sealed: Its encrypted URL.
        version: The consent version of the subscriber when they asked.
        asked: When they asked.
    """

    label: str
    sealed: bytes
    version: int
    asked: datetime


def put(session: Session, subscriber: int, label: str, sealed: bytes, now: datetime) -> None:
    """Set the target of a subscriber, and drop what they asked for.

    `label`: its name without secrets; `sealed`: the encrypted URL.
    """
    remove(session, subscriber)
    row = {"subscriber_id": subscriber, "label": label, "sealed": sealed, "set_us": to_us(now)}
    session.connection().execute(insert(core.chat_target).values(row))


def label(session: Session, subscriber: int) -> str | None:
    """Return the name of a subscriber's target, or None if they have none."""
    found: str | None = session.connection().execute(select(_C.label).where(_C.subscriber_id == subscriber)).scalar()
    return found


def sealed(session: Session, subscriber: int) -> bytes | None:
    """Return the encrypted URL of a subscriber's target, or None if they have none."""
    found = session.connection().execute(select(_C.sealed).where(_C.subscriber_id == subscriber)).scalar()
    return None if found is None else bytes(found)


def remove(session: Session, subscriber: int) -> bool:
    """Delete the target of a subscriber, and what they asked for. Return False if there was no target."""
    session.connection().execute(delete(core.chat_request).where(_R.subscriber_id == subscriber))
    return bool(session.connection().execute(delete(core.chat_target).where(_C.subscriber_id == subscriber)).rowcount)


def request(session: Session, subscriber: int, wanted: ChatRequest) -> None:
    """Store a chat room that a subscriber asked for, in place of an earlier one."""
    session.connection().execute(delete(core.chat_request).where(_R.subscriber_id == subscriber))
    row = {
        "subscriber_id": subscriber,
        "label": wanted.label,
        "sealed": wanted.sealed,
        "version": wanted.version,
        "asked_us": to_us(wanted.asked),
    }
    session.connection().execute(insert(core.chat_request).values(row))


def requested(session: Session, subscriber: int) -> ChatRequest | None:
    """Return the chat room that a subscriber asked for, if any."""
    statement = select(_R.label, _R.sealed, _R.version, _R.asked_us).where(_R.subscriber_id == subscriber)
    row = session.connection().execute(statement).first()
    return None if row is None else ChatRequest(row.label, bytes(row.sealed), row.version, from_us(row.asked_us))
