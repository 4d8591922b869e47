"""The commit point: the last check of a mail, committed before its final dot is sent.

One transaction serves many connections. PostgreSQL locks the subscriber rows, SQLite the database (BEGIN IMMEDIATE), so
an unsubscribe is either seen here or comes after the mail. Subscribers are locked first and by number, as planning
does, to avoid deadlocks.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from digestd.domain.delivery import Actor, Outcome, State
from digestd.store import clock, core
from digestd.store.bulk import BulkStatement, KeyLookup, Record, look_up
from digestd.store.ledger import seen_papers
from digestd.store.ledger.claim_queue import RECIPIENT, RECIPIENTS, TOO_LATE, objection
from digestd.store.ledger.packing import step
from digestd.store.timestamps import to_us

LEASE_LEFT = timedelta(minutes=11)
"""The answer to the final dot may take ten minutes (RFC 5321 section 4.5.3.2.6); the lease must outlast that."""

_LEASE_LEFT_US = LEASE_LEFT // timedelta(microseconds=1)
Rows: TypeAlias = dict[int, Record]
"""Rows of the deliveries by key."""
_D, _S = core.delivery.c, core.subscriber.c


class CommitDecision(StrEnum):
    """The decision on a mail at the commit point."""

    OK = "ok"  # `final_dot` is committed: send the final dot
    GONE = "gone"  # consent is gone: the delivery is skipped
    EXPIRED = "expired"  # too late: the delivery is expired
    FENCED = "fenced"  # the lease is not ours any more, or nearly over: do nothing


class CommitRequest(NamedTuple):
    """A worker's request to send one attempt of a delivery to a relay.

    `sha256`: of the message bytes. `message_id`, and of a digest `subscriber`, `period` and `papers` (row numbers), are
    for the sent journal.
    """

    delivery: int
    attempt: int
    owner: str
    sha256: bytes
    relay: str | None = None
    message_id: str = ""
    subscriber: int = 0
    period: str = ""
    papers: tuple[int, ...] = ()


def commit_sends(session: Session, requests: Sequence[CommitRequest], now: datetime) -> list[CommitDecision]:
    """Decide each request and write the decisions in the caller's transaction."""
    if not requests:
        return []
    at_us = to_us(now)
    deliveries = [request.delivery for request in requests]
    locks = () if session.connection().dialect.name == "sqlite" else ((_SUBSCRIBERS, deliveries),)
    *_, found = look_up(session, *locks, (_STANDING, deliveries))
    rows = {row.id: row for row in found}
    is_late = any(row.expires_us <= at_us for row in found)
    is_settled = not is_late or clock.read(session).settled(now) == now
    decisions = [_decide(request, rows.get(request.delivery), at_us, is_settled) for request in requests]
    for answer, act in _APPLY.items():
        if these := [request for request, decision in zip(requests, decisions, strict=True) if decision is answer]:
            act(session, these, rows, at_us)
    return decisions


_SUBSCRIBERS = KeyLookup(
    select(_S.id).join(core.delivery, _D.subscriber_id == _S.id).order_by(_S.id).with_for_update(of=core.subscriber),
    _D.id,
)
_STANDING = KeyLookup(
    select(
        _D.id,
        _D.kind,
        _D.state,
        _D.attempts,
        _D.owner,
        _D.lease_until_us,
        _D.consent_version,
        _D.expires_us,
        _S.status,
        _S.version,
        RECIPIENT.label("address"),
        core.suppression.c.reason.label("suppression"),
    )
    .select_from(RECIPIENTS)
    .order_by(_D.id)
    .with_for_update(of=core.delivery),
    _D.id,
)


def _decide(request: CommitRequest, row: Record | None, at_us: int, is_settled: bool) -> CommitDecision:
    if row is None or (row.state, row.attempts, row.owner) != (State.LEASED, request.attempt, request.owner):
        return CommitDecision.FENCED
    if row.expires_us <= at_us:
        return CommitDecision.EXPIRED if is_settled else CommitDecision.FENCED
    if objection(row):
        return CommitDecision.GONE
    if row.lease_until_us - at_us < _LEASE_LEFT_US:
        return CommitDecision.FENCED
    return CommitDecision.OK


def _mark_leaving(session: Session, requests: Sequence[CommitRequest], rows: Rows, at_us: int) -> None:
    entry, dot, leased = step(State.FINAL_DOT, Actor.WORKER, at_us), State.FINAL_DOT.value, State.LEASED.value
    _DOT.run(
        session,
        [(dot, w.sha256, entry, rows[w.delivery].version, at_us, w.relay, w.delivery, leased) for w in requests],
    )


_DOT = BulkStatement(
    update(core.delivery)
    .where(_D.id == bindparam("row"), _D.state == bindparam("from"))
    .values(
        state=bindparam("to"),
        sha256=bindparam("sha"),
        history=_D.history.concat(bindparam("step")),
        checked_version=bindparam("seen"),
        final_dot_us=bindparam("at"),
        relay=bindparam("via"),
    ),
    ("to", "sha", "step", "seen", "at", "via", "row", "from"),
)


def _skip(session: Session, requests: Sequence[CommitRequest], rows: Rows, at_us: int) -> None:
    why = {request.delivery: objection(rows[request.delivery]) or TOO_LATE for request in requests}
    _close(session, State.SKIPPED, requests, why, at_us)


def _expire(session: Session, requests: Sequence[CommitRequest], rows: Rows, at_us: int) -> None:
    del rows  # it is too late in any case
    _close(session, State.EXPIRED, requests, {request.delivery: TOO_LATE for request in requests}, at_us)


_APPLY = {CommitDecision.OK: _mark_leaving, CommitDecision.GONE: _skip, CommitDecision.EXPIRED: _expire}


def _close(session: Session, state: State, requests: Sequence[CommitRequest], why: dict[int, str], at_us: int) -> None:
    entry = step(state, Actor.WORKER, at_us)
    session.connection().execute(
        _CLOSE, [{"row": w.delivery, "to": state, "why": why[w.delivery], "step": entry, "at": at_us} for w in requests]
    )
    seen_papers.return_papers(session, [w.delivery for w in requests])


_CLOSE = (
    update(core.delivery)
    .where(_D.id == bindparam("row"), _D.state == State.LEASED)
    .values(
        state=bindparam("to"),
        reason=bindparam("why"),
        lease_until_us=None,
        outcome=Outcome.ABORTED,
        closed_us=bindparam("at"),
        history=_D.history.concat(bindparam("step")),
    )
)
