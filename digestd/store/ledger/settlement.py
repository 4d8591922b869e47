"""Settlement of uncertain deliveries, from evidence or by the operator.

    uncertain → accepted   evidence: the relay has it
    uncertain → ready      evidence: it never left; not before the longest transaction has ended
    uncertain → abandoned  given up
    poisoned  → ready      after a repair;  poisoned → abandoned  given up

A compare-and-set on state and attempt: whoever comes second changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from digestd.domain.delivery import Actor, Evidence, Outcome, Settlement, State
from digestd.store import core
from digestd.store.database import Database
from digestd.store.ledger import seen_papers
from digestd.store.ledger.indexes import UNCERTAIN
from digestd.store.packing import step
from digestd.store.timestamps import to_us

GRACE = timedelta(minutes=20)
"""The longest a transaction may take: before that, a mail that did not arrive may still do so."""
LOOKED_BACK = timedelta(days=3)
"""A bounce that came longer before its delivery became uncertain is left to the operator."""
_D, _B = core.delivery.c, core.bounce.c
_STATES = {
    Settlement.ACCEPTED: State.ACCEPTED,
    Settlement.NOT_SENT: State.READY,
    Settlement.ABANDONED: State.ABANDONED,
}
_OUTCOMES = {Settlement.ACCEPTED: Outcome.ACCEPTED, Settlement.NOT_SENT: Outcome.NOT_SENT}
_ACCEPTED_CODE = 250
_WHY_MAX = 200


@dataclass(frozen=True, slots=True)
class SettlementProof:
    """The evidence, who gives it, and why; `why` is stored and must name nobody."""

    evidence: Evidence
    actor: Actor
    why: str


def settle(session: Session, delivery: int, how: Settlement, proof: SettlementProof, now: datetime) -> bool:
    """Settle one delivery in the caller's transaction; return False if it cannot be."""
    query = select(_D.id, _D.state, _D.final_dot_us).where(_D.id == delivery).with_for_update()
    row = session.connection().execute(query).first()
    if row is None or not _may(row, how, to_us(now)):
        return False
    _write(session, [row], how, proof, to_us(now))
    return True


def settle_bounced(session: Session, deliveries: Sequence[int], now: datetime) -> int:
    """Settle uncertain deliveries as accepted if they bounced; return how many."""
    query = _came_back().where(_D.id.in_(deliveries)).order_by(_D.id).with_for_update(of=core.delivery)
    rows = list({row.id: row for row in session.connection().execute(query)}.values())
    _write(session, rows, Settlement.ACCEPTED, SettlementProof(Evidence.DSN, Actor.INBOUND, "it came back"), to_us(now))
    return len(rows)


def settle_all_bounced(db: Database, now: datetime) -> int:
    """Settle whatever became uncertain after its bounce had come; return how many."""
    lately = select(_B.delivery_id).where(_B.delivery_id.is_not(None), _B.at_us > to_us(now - LOOKED_BACK))
    with db.read() as session:
        found = {row.id for row in session.connection().execute(_came_back().where(_D.id.in_(lately)))}
    if not found:
        return 0
    with db.write() as session:
        return settle_bounced(session, sorted(found), now)


def _came_back() -> core.Query:
    return (
        select(_D.id, _D.state)
        .join_from(core.delivery, core.bounce, (_B.delivery_id == _D.id) & (_B.attempt == _D.attempts))
        .where(UNCERTAIN)
    )


def _may(row: core.Record, how: Settlement, at_us: int) -> bool:
    if row.state == State.POISONED:
        return how is not Settlement.ACCEPTED
    if row.state != State.UNCERTAIN:
        return False
    return how is not Settlement.NOT_SENT or at_us - row.final_dot_us >= GRACE // timedelta(microseconds=1)


def _write(session: Session, rows: Sequence[core.Record], how: Settlement, proof: SettlementProof, at_us: int) -> None:
    if not rows:
        return
    reason = f"settled by {proof.evidence}: {proof.why}"[:_WHY_MAX]
    code = _ACCEPTED_CODE if how is Settlement.ACCEPTED else None
    common = {
        "to": _STATES[how],
        "why": reason,
        "code": code,
        "at": at_us,
        "step": step(_STATES[how], proof.actor, at_us),
    }
    session.connection().execute(_STATE, [{"row": row.id, "was": row.state, **common} for row in rows])
    outcome = _OUTCOMES.get(how)
    unclear = [row for row in rows if row.state == State.UNCERTAIN]
    if outcome is not None and unclear:
        ends = [{"row": row.id, "how": outcome, "by": proof.evidence} for row in unclear]
        session.connection().execute(_OUTCOME, ends)
    if how is Settlement.ABANDONED:
        seen_papers.return_papers(session, [row.id for row in rows])


_STATE = (
    update(core.delivery)
    .where(_D.id == bindparam("row"), _D.state == bindparam("was"))
    .values(
        state=bindparam("to"),
        reason=bindparam("why"),
        reply_code=bindparam("code"),
        reply_text=None,
        not_before_us=bindparam("at"),
        failures=0,
        history=_D.history.concat(bindparam("step")),
    )
)
_OUTCOME = (
    update(core.delivery)
    .where(_D.id == bindparam("row"), _D.outcome == Outcome.UNCERTAIN)
    .values(outcome=bindparam("how"), evidence=bindparam("by"))
)
