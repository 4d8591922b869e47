"""Uncertain deliveries, and the commit times of attempts that a relay's log names."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, tuple_
from sqlmodel import Session

from digestd.domain.delivery import Evidence
from digestd.store import core
from digestd.store.ledger.indexes import UNCERTAIN
from digestd.store.timestamps import to_us

LONG = timedelta(days=1)
"""Age from which the operator is alerted, as no more evidence will come by itself."""
_D, _A = core.delivery.c, core.attempt.c


@dataclass(frozen=True, slots=True)
class UncertainDelivery:
    """An uncertain delivery: last attempt, relay, and time of the commit point."""

    delivery: int
    attempt: int
    envelope_from: str
    relay: str | None
    final_dot_us: int


def uncertain_deliveries(session: Session, most: int) -> list[UncertainDelivery]:
    """Return up to `most` uncertain deliveries, oldest first."""
    query = (
        select(_D.id, _A.n, _A.envelope_from, _A.relay, _A.final_dot_us)
        .join_from(core.delivery, core.attempt, (_A.delivery_id == _D.id) & (_A.n == _D.attempts))
        .where(UNCERTAIN)
        .order_by(_D.id + 0)  # for its bare number SQLite would walk through all, in their order
        .limit(most)
    )
    return [UncertainDelivery(*row) for row in session.connection().execute(query)]


def count_long_uncertain(session: Session, now: datetime) -> int:
    """Count the deliveries that were due more than LONG ago and are still uncertain."""
    query = select(func.count()).select_from(core.delivery).where(UNCERTAIN, _D.due_us < to_us(now - LONG))
    return int(session.connection().execute(query).scalar_one())


def commit_times(session: Session, attempts: Collection[tuple[int, int]]) -> list[int]:
    """Return the commit times (µs) of these attempts that the relay acknowledged."""
    query = select(_A.final_dot_us).where(
        tuple_(_A.delivery_id, _A.n).in_(list(attempts)), _A.evidence == Evidence.REPLY, _A.final_dot_us.is_not(None)
    )
    return list(session.connection().execute(query).scalars())
