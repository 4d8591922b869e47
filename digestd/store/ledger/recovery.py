"""Recovery of a dead worker's deliveries: `leased` becomes ready, `final_dot` becomes uncertain.

Whether a delivery in `final_dot` was sent is unknown, so it is never sent again blindly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, select, update
from sqlmodel import Session

from digestd.domain.delivery import Actor, Outcome, State
from digestd.store import core
from digestd.store.ledger.indexes import AT_WORK
from digestd.store.packing import step
from digestd.store.timestamps import to_us

_D = core.delivery.c


@dataclass(frozen=True, slots=True)
class Recovered:
    """Counts of deliveries that are ready again, and of those that are uncertain."""

    ready: int
    uncertain: int


def owners(session: Session) -> list[str]:
    """Return the workers that hold a lease, alive or not."""
    query = select(_D.owner).where(AT_WORK, _D.state.in_([State.LEASED, State.FINAL_DOT])).distinct()
    return sorted(session.connection().execute(query).scalars())


def recover(session: Session, owner: str, now: datetime) -> Recovered:
    """Take over everything a dead worker held; safe to repeat."""
    return _take_over(session, _D.owner == owner, to_us(now))


def recover_overdue(session: Session, now: datetime) -> Recovered:
    """Recover deliveries past their lease, whoever holds it, as a server may not notice that a host vanished.

    The commit point refuses a mail whose lease is nearly over, so no final dot is waited for by then.
    """
    return _take_over(session, _D.lease_until_us < to_us(now), to_us(now))


def _take_over(session: Session, condition: ColumnElement[bool], at_us: int) -> Recovered:
    query = (
        select(_D.id, _D.state)
        .where(AT_WORK, _D.state.in_([State.LEASED, State.FINAL_DOT]), condition)
        .order_by(_D.id)
        .with_for_update()
    )
    rows = session.connection().execute(query).all()
    leased = [row.id for row in rows if row.state == State.LEASED]
    dots = [row.id for row in rows if row.state == State.FINAL_DOT]
    _close(session, leased, _UNSENT, Actor.RECOVERY, at_us)
    _close(session, dots, _UNKNOWN, Actor.RECOVERY, at_us)
    return Recovered(len(leased), len(dots))


def release(session: Session, owner: str, deliveries: Sequence[tuple[int, int]], now: datetime) -> int:
    """Release unsent leases (delivery, attempt) of a living worker; return how many."""
    query = select(_D.id, _D.attempts).where(
        _D.id.in_([key for key, _ in deliveries]), _D.state == State.LEASED, _D.owner == owner
    )
    held = {(row.id, row.attempts) for row in session.connection().execute(query.order_by(_D.id).with_for_update())}
    mine = [pair[0] for pair in deliveries if pair in held]
    _close(session, mine, _UNSENT, Actor.WORKER, to_us(now))
    return len(mine)


_UNSENT = State.READY, Outcome.NOT_SENT, None
_UNKNOWN = State.UNCERTAIN, Outcome.UNCERTAIN, "worker died"


def _close(
    session: Session, deliveries: Sequence[int], end: tuple[State, Outcome, str | None], actor: Actor, at_us: int
) -> None:
    state, outcome, why = end
    values = {"to": state, "why": why, "step": step(state, actor, at_us), "how": outcome, "at": at_us}
    core.execute_many(session, _CLOSE, [{"row": key, **values} for key in deliveries])


_CLOSE = (
    update(core.delivery)
    .where(_D.id == bindparam("row"), _D.lease_until_us.is_not(None))
    .values(
        state=bindparam("to"),
        reason=bindparam("why"),
        lease_until_us=None,
        outcome=bindparam("how"),
        closed_us=bindparam("at"),
        history=_D.history.concat(bindparam("step")),
    )
)
