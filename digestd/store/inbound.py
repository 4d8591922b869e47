"""Counts of inbound mails and events by outcome.

This way, operators see that bounces are read.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session

from digestd.domain.bounce import InboundOutcome
from digestd.store import core
from digestd.store.timestamps import from_us, to_us

_I = core.inbound_count.c


def add_counts(session: Session, outcomes: Mapping[InboundOutcome, int], now: datetime) -> None:
    """Add to the counts in the caller's write transaction."""
    for outcome in sorted(outcomes):
        row = {"outcome": outcome, "total": outcomes[outcome], "last_us": to_us(now)}
        more = {"total": _I.total + outcomes[outcome], "last_us": to_us(now)}
        statement = core.upsert(session, core.inbound_count).values(row)
        session.connection().execute(statement.on_conflict_do_update(index_elements=["outcome"], set_=more))


def counts(session: Session) -> dict[InboundOutcome, int]:
    """Return the number of mails and events of each outcome."""
    found = {InboundOutcome(row.outcome): row.total for row in session.connection().execute(select(core.inbound_count))}
    return dict.fromkeys(InboundOutcome, 0) | found


def last(session: Session) -> datetime | None:
    """Return when the last mail or event came in."""
    newest = session.connection().execute(select(func.max(_I.last_us))).scalar()
    return None if newest is None else from_us(newest)
