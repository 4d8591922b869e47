"""How many mails and events came in, by what became of them: for an operator to see that bounces are read."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlmodel import Session

from digestd.domain.bounce import InboundOutcome
from digestd.store import core
from digestd.store.instants import from_us, to_us

_I = core.inbound.c


def tally(session: Session, outcomes: Mapping[InboundOutcome, int], now: datetime) -> None:
    """Add to the counts, in the caller's write transaction."""
    for outcome in sorted(outcomes):
        change = update(core.inbound).where(_I.outcome == outcome)
        added = session.connection().execute(change.values(total=_I.total + outcomes[outcome], last_us=to_us(now)))
        if added.rowcount == 0:
            row = {"outcome": outcome, "total": outcomes[outcome], "last_us": to_us(now)}
            session.connection().execute(insert(core.inbound).values(row))


def counts(session: Session) -> dict[InboundOutcome, int]:
    """How many there were of each outcome; one that never was counts 0."""
    found = {InboundOutcome(row.outcome): row.total for row in session.connection().execute(select(core.inbound))}
    return dict.fromkeys(InboundOutcome, 0) | found


def last(session: Session) -> datetime | None:
    """When anything last came in."""
    newest = session.connection().execute(select(func.max(_I.last_us))).scalar()
    return None if newest is None else from_us(newest)
