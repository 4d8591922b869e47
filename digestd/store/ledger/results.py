"""Write the relay's replies: each a compare-and-set on state, attempt and owner."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import BigInteger, String, bindparam, func, select, update
from sqlmodel import Session

from digestd.domain.delivery import TRANSITIONS, UNSENT, Actor, Evidence, Outcome, State
from digestd.domain.subscriber import Status
from digestd.store import core
from digestd.store.bulk import BulkStatement, KeyLookup, Row
from digestd.store.ledger import seen_papers
from digestd.store.ledger.claim_queue import AT_WORK
from digestd.store.ledger.packing import step
from digestd.store.timestamps import to_us

_D = core.delivery.c
_TEXT_MAX = 500
_MICROSECOND = timedelta(microseconds=1)


class AttemptResult(NamedTuple):
    """The result of one attempt, and the new state of the delivery.

    A permanent refusal is recorded as ready with outcome `perm` until it is judged.

    Attributes:
        wait: Delay of a delivery that becomes ready again.
        failed: The mail could not be composed, which counts towards `poisoned`.
    """

    delivery: int
    attempt: int
    owner: str
    state: State
    outcome: Outcome
    code: int | None = None
    text: str = ""
    queue_id: str | None = None
    reason: str | None = None
    wait: timedelta = timedelta(0)
    failed: bool = False
    relay: str | None = None


def record_results(session: Session, results: Sequence[AttemptResult], now: datetime) -> int:
    """Write the relay's replies in the caller's transaction; return how many applied.

    A result whose lease has been taken over changes nothing, with one exception: a definite
    reply that comes after recovery called the very same attempt uncertain beats the uncertainty.
    Nor does a result of a mail whose commit point the database has lost; the sent journal knows that mail.
    """
    return _record(session, results, now, (Evidence.REPLY, Evidence.LATE_REPLY))


def record_journalled(session: Session, results: Sequence[AttemptResult], now: datetime) -> int:
    """Write results from the journal of a worker that has ended."""
    return _record(session, results, now, (Evidence.RECEIPT_JOURNAL, Evidence.RECEIPT_JOURNAL))


def _record(
    session: Session, results: Sequence[AttemptResult], now: datetime, evidence: tuple[Evidence, Evidence]
) -> int:
    """Write results. `evidence`: for results in time, and for those after the attempt became uncertain."""
    if not results:
        return 0
    rows = {row.id: row for row in _STANDING.rows(session, [result.delivery for result in results])}
    ours, late = [], []
    for result in results:
        row = rows.get(result.delivery)
        if row is None or (row.attempts, row.owner) != (result.attempt, result.owner):
            continue
        # relays quote addresses; the text is dropped if the subscriber was erased meanwhile
        kept = result if row.status != _ERASED else result._replace(text="")
        if row.state in _LEASED and (State(row.state), result.state) in TRANSITIONS:
            ours.append(kept)
        elif row.state == State.UNCERTAIN and result.outcome in _DEFINITE:
            late.append(kept)
    _write(session, ours, to_us(now), evidence[0])
    _write(session, late, to_us(now), evidence[1])
    return len(ours) + len(late)


_ERASED = str(Status.ERASED)
_LEASED = State.LEASED, State.FINAL_DOT
_DEFINITE = Outcome.ACCEPTED, Outcome.TEMP
"""Outcomes that settle an uncertain result of the same attempt."""
_STANDING = KeyLookup(
    select(_D.id, _D.state, _D.attempts, _D.owner, core.subscriber.c.status)
    .join_from(core.delivery, core.subscriber, core.subscriber.c.id == _D.subscriber_id)
    .order_by(_D.id)
    .with_for_update(of=core.delivery),
    _D.id,
)


def _write(session: Session, results: Sequence[AttemptResult], at_us: int, evidence: Evidence) -> None:
    if not results:
        return
    _RESULT.run(session, [_values(result, at_us, evidence) for result in results])
    if unsent := [result.delivery for result in results if result.state in UNSENT]:
        seen_papers.return_papers(session, unsent)


def _values(result: AttemptResult, at_us: int, evidence: Evidence) -> Row:
    """Return the values of `_RESULT`."""
    text, entry = result.text[:_TEXT_MAX] or None, step(result.state, Actor.WORKER, at_us)
    by = evidence.value if result.code is not None else None
    return (
        *(result.state.value, result.code, text, result.queue_id, result.reason),
        *(at_us + result.wait // _MICROSECOND if result.wait else None, int(result.failed), entry),
        *(result.outcome.value, by, at_us, result.relay, result.delivery),
    )


_RESULT = BulkStatement(
    update(core.delivery)
    .where(_D.id == bindparam("row"))
    .values(
        state=bindparam("to"),
        lease_until_us=None,
        reply_code=bindparam("code"),
        reply_text=bindparam("text"),
        relay_qid=bindparam("qid"),
        reason=bindparam("why"),
        # what has not left, and need not rest, keeps its place in the line
        not_before_us=func.coalesce(bindparam("rest", type_=BigInteger), _D.not_before_us),
        failures=_D.failures + bindparam("failed"),
        history=_D.history.concat(bindparam("step")),
        outcome=bindparam("how"),
        evidence=bindparam("by"),
        closed_us=bindparam("at"),
        relay=func.coalesce(bindparam("via", type_=String), _D.relay),
    ),
    ("to", "code", "text", "qid", "why", "rest", "failed", "step", "how", "by", "at", "via", "row"),
)


@dataclass(frozen=True, slots=True)
class RefusalStates:
    """The (delivery, attempt) pairs that are ready, and those whose result is not written down yet."""

    ready: Collection[tuple[int, int]]
    under_way: Collection[tuple[int, int]]


def refusal_states(session: Session, refused: Sequence[AttemptResult]) -> RefusalStates:
    """Return the state of recorded refusals, and lock their deliveries."""
    query = select(_D.id, _D.attempts, _D.state).where(_D.id.in_([one.delivery for one in refused])).order_by(_D.id)
    ready, under_way = set(), set()
    for row in session.connection().execute(query.with_for_update()):
        if row.state == State.READY:
            ready.add((row.id, row.attempts))
        elif row.state in {State.LEASED, State.FINAL_DOT}:
            under_way.add((row.id, row.attempts))
    return RefusalStates(ready, under_way)


def reject(session: Session, final: Sequence[AttemptResult], now: datetime) -> None:
    """End deliveries as rejected whose last attempt was refused, if nothing has happened to them since."""
    if not final:
        return
    entry = step(State.REJECTED, Actor.WORKER, to_us(now))
    rows = [{"row": one.delivery, "nth": one.attempt, "why": one.reason or "refused", "step": entry} for one in final]
    session.connection().execute(_REJECT, rows)
    seen_papers.return_papers(session, [result.delivery for result in final])


_REJECT = (
    update(core.delivery)
    .where(_D.id == bindparam("row"), _D.state == State.READY, _D.attempts == bindparam("nth"))
    .values(state=State.REJECTED, reason=bindparam("why"), history=_D.history.concat(bindparam("step")))
)


def count_waiting(session: Session) -> int:
    """Count ready mails whose last attempt the relay refused for good."""
    query = select(func.count()).where(AT_WORK, _D.state == State.READY, _D.outcome == Outcome.PERM)
    return int(session.connection().execute(query).scalar_one())
