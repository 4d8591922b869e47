"""Chat targets: where a subscriber's digests go instead of their mailbox, as the operator set it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, exists, insert, select, update
from sqlmodel import Session

from digestd.domain.delivery import MailKind
from digestd.store import core
from digestd.store.timestamps import from_us, to_us

FAILURES_MAX = 3
"""Digests in a row that a room may miss. After that it is left alone until the operator sets or tests it again."""
_C, _D = core.chat_target.c, core.delivery.c
_REQUEST_VALID = timedelta(hours=48)
"""Validity of the link by which a subscriber confirmed a room, in the first release."""


class ChatTarget(NamedTuple):
    """The chat room of a subscriber.

    Attributes:
        label: Its name without secrets.
        sealed: Its encrypted URL.
        set_at: When it was set.
        failures: Digests in a row that it did not take.
        problem: Why it did not take the last one, or None.
    """

    subscriber: int
    label: str
    sealed: bytes
    set_at: datetime
    failures: int
    problem: str | None

    @property
    def is_used(self) -> bool:
        """Return True unless it failed so often that digests go by mail."""
        return self.failures < FAILURES_MAX


def put(session: Session, subscriber: int, label: str, sealed: bytes, now: datetime) -> None:
    """Set the target of a subscriber.

    `label`: its name without secrets; `sealed`: the encrypted URL.
    """
    remove(session, subscriber)
    row = {"subscriber_id": subscriber, "label": label, "sealed": sealed, "set_us": to_us(now)}
    session.connection().execute(insert(core.chat_target).values(row))


def of(session: Session, subscriber: int) -> ChatTarget | None:
    """Return the target of a subscriber, or None if they have none."""
    row = session.connection().execute(select(core.chat_target).where(_C.subscriber_id == subscriber)).first()
    return None if row is None else _target(row)


def all_targets(session: Session, *, failing: bool = False) -> Sequence[ChatTarget]:
    """Return all targets, or those that did not take the last digest, by subscriber."""
    query = select(core.chat_target).order_by(_C.subscriber_id)
    rows = session.connection().execute(query.where(_C.failures > 0) if failing else query)
    return [_target(row) for row in rows]


def record(session: Session, subscriber: int, problem: str | None, failures: int = 1) -> None:
    """Record that a room took a digest, or why it did not; that counts as so many `failures`."""
    values = {"failures": 0 if problem is None else _C.failures + failures, "problem": problem}
    session.connection().execute(update(core.chat_target).where(_C.subscriber_id == subscriber).values(values))


def remove(session: Session, subscriber: int) -> bool:
    """Delete the target of a subscriber. Return False if there was none."""
    return bool(session.connection().execute(delete(core.chat_target).where(_C.subscriber_id == subscriber)).rowcount)


def was_confirmed_by_mail(session: Session, target: ChatTarget) -> bool:
    """Return True if the subscriber was mailed a link that set this room, as earlier versions did."""
    sent = exists().where(
        _D.subscriber_id == target.subscriber,
        _D.kind == MailKind.CHAT,
        _D.due_us.between(to_us(target.set_at - _REQUEST_VALID), to_us(target.set_at)),
    )
    return bool(session.connection().execute(select(sent)).scalar())


def _target(row: core.Record) -> ChatTarget:
    return ChatTarget(row.subscriber_id, row.label, bytes(row.sealed), from_us(row.set_us), row.failures, row.problem)
