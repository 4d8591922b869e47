"""Uncertain deliveries, and accepted ones to compare a relay's log with."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session

from digestd.domain.delivery import Evidence, State
from digestd.store import core
from digestd.store.ledger.indexes import UNCERTAIN
from digestd.store.timestamps import to_us

LONG = timedelta(days=1)
"""Age from which the operator is alerted, as no more evidence will come by itself."""
_D = core.delivery.c


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail that passed the commit point: its last attempt, its names, its relay, and when it passed."""

    delivery: int
    attempt: int
    message_id: str
    relay: str | None
    final_dot_us: int


def uncertain_deliveries(session: Session, most: int) -> list[SentMail]:
    """Return up to `most` uncertain deliveries, oldest first."""
    query = (
        select(_D.id, _D.attempts, _D.message_id, _D.relay, _D.final_dot_us)
        .where(UNCERTAIN)
        .order_by(_D.id + 0)  # for its bare number SQLite would walk through all, in their order
        .limit(most)
    )
    return [SentMail(*row) for row in session.connection().execute(query)]


def count_long_uncertain(session: Session, now: datetime) -> int:
    """Count the deliveries that were due more than LONG ago and are still uncertain."""
    query = select(func.count()).select_from(core.delivery).where(UNCERTAIN, _D.due_us < to_us(now - LONG))
    return int(session.connection().execute(query).scalar_one())


def accepted_near(session: Session, end: SentMail, most: int, within: timedelta) -> list[SentMail]:
    """Return up to `most` mails that the same relay accepted before, and as many after, an uncertain one.

    They are sought among the deliveries with near numbers, as deliveries leave nearly in that order.
    """
    span_us = within // timedelta(microseconds=1)
    query = (
        select(_D.id, _D.attempts, _D.message_id, _D.relay, _D.final_dot_us)
        .where(_D.state == State.ACCEPTED, _D.evidence == Evidence.REPLY, _D.relay == end.relay)
        .limit(_SOUGHT * most)
    )
    found = [
        SentMail(*row)
        for side in (
            query.where(_D.id < end.delivery).order_by(_D.id.desc()),
            query.where(_D.id > end.delivery).order_by(_D.id),
        )
        for row in session.connection().execute(side)
    ]
    near = sorted(found, key=lambda mail: abs(mail.final_dot_us - end.final_dot_us))
    near = [mail for mail in near if abs(mail.final_dot_us - end.final_dot_us) <= span_us]
    before = [mail for mail in near if mail.final_dot_us <= end.final_dot_us]
    after = [mail for mail in near if mail.final_dot_us > end.final_dot_us]
    return [*before[:most], *after[:most]]


_SOUGHT = 4
"""Deliveries looked at on each side for each that is wanted."""
