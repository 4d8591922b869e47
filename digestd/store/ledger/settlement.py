"""Deliveries whose result is unknown: found after a crash, listed, settled by evidence or by the operator.

    uncertain → accepted   evidence: the relay has it
    uncertain → ready      evidence: it never left; not before the longest transaction has ended
    uncertain → abandoned  given up
    poisoned  → ready      after a repair;  poisoned → abandoned  given up

A compare-and-set on state and attempt: whoever comes second changes nothing.

Recovery takes over what a dead worker held. What had not passed the commit point is ready again; the rest is uncertain.
An uncertain delivery is settled from evidence or by the operator, and the next digest links to one that is still open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, func, select, update
from sqlmodel import Session

from digestd.domain.delivery import UNSENT, Actor, Evidence, MailKind, Outcome, Settlement, State
from digestd.store import core
from digestd.store.bulk import KeyLookup
from digestd.store.database import Database
from digestd.store.ledger import seen_papers
from digestd.store.ledger.claim_queue import AT_WORK, UNCERTAIN
from digestd.store.ledger.packing import step
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


LONG = timedelta(days=1)
"""Age from which the operator is alerted, as no more evidence will come by itself."""


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


OFFERED_FOR = timedelta(days=15)
"""Older ones are useless: two weekly digests have been sent since."""


@dataclass(frozen=True, slots=True)
class OfferedDigest:
    """A digest that may not have arrived: its delivery and period."""

    delivery: int
    period: str


def offer_uncertain(session: Session, subscribers: Sequence[int], now: datetime) -> int:
    """Let the ready digests of these subscribers offer earlier uncertain ones; return how many.

    Each is offered once, or again if the digest that offered it was not sent. Called in the transaction that plans.
    """
    if session.connection().execute(select(_D.id).where(UNCERTAIN).limit(1)).first() is None:
        return 0  # the usual case
    next_, lost = core.delivery.alias("next"), core.delivery.alias("lost")
    coming = select(func.max(next_.c.id)).where(
        next_.c.subscriber_id == _D.subscriber_id,
        next_.c.kind == MailKind.DIGEST,
        next_.c.state == State.READY,
        next_.c.id > _D.id,
    )
    unsent = select(lost.c.id).where(lost.c.id == _D.offered_in, lost.c.state.in_(sorted(UNSENT)))
    statement = (
        update(core.delivery)
        .where(
            UNCERTAIN,
            _D.kind == MailKind.DIGEST,
            _D.subscriber_id.in_(subscribers),
            _D.due_us > to_us(now - OFFERED_FOR),
            _D.offered_in.is_(None) | unsent.exists(),
        )
        .values(offered_in=coming.scalar_subquery())
    )
    return session.connection().execute(statement).rowcount


def offered_by(session: Session, deliveries: Sequence[int]) -> dict[int, tuple[OfferedDigest, ...]]:
    """Return the uncertain digests that each of these digests offers, oldest first."""
    found: dict[int, tuple[OfferedDigest, ...]] = {}
    for by, key, period in _OFFERED.rows(session, deliveries):
        found[by] = (*found.get(by, ()), OfferedDigest(key, period))
    return found


_OFFERED = KeyLookup(select(_D.offered_in, _D.id, _D.key).order_by(_D.id), _D.offered_in)
