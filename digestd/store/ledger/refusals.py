"""Judge permanent refusals.

The mails are rejected, or wait because too many were refused.

A refusal is recorded as ready, with its attempt ended as `perm`. The verdict comes when others have been tried as well:

    unusually many failed over this relay, or at this domain         it waits, and nobody is suppressed
    the mail was refused, and the relay accepted none of the others  it waits: the refusal may be about all mails
    else                                                             rejected; it counts as a bounce of its address

A mail that waits is tried again like any that was put off, until it is too late. If the process ends before the
verdict, it waits as well. A compare-and-set on state and attempt: the second caller changes nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import bindparam, func, select, update
from sqlmodel import Session

from digestd.domain.bounce import Bounce, BounceKind, FailureCounts
from digestd.domain.bounce_rules import kind_of
from digestd.domain.delivery import Actor, Outcome, State
from digestd.store import bounce_surge, bounces, core
from digestd.store.ledger import seen_papers
from digestd.store.ledger.claim_queue import AT_WORK
from digestd.store.ledger.results import AttemptResult, bounce_of
from digestd.store.packing import step
from digestd.store.timestamps import to_us

_D = core.delivery.c


@dataclass(frozen=True, slots=True)
class RefusalCounts:
    """Counts of final and of waiting refusals.

    `early`: too recent to judge; `why`: the unusual share, by relay.
    """

    rejected: int = 0
    count_waiting: int = 0
    early: tuple[AttemptResult, ...] = ()
    why: tuple[tuple[str, FailureCounts], ...] = ()


def judge_refusals(session: Session, refused: Sequence[AttemptResult], now: datetime) -> RefusalCounts:
    """Judge recorded refusals in the caller's write transaction; safe to repeat."""
    rows = _refusal_states(session, refused)
    early = tuple(one for one in refused if (one.delivery, one.attempt) in rows.under_way)
    ready = sorted((one for one in refused if (one.delivery, one.attempt) in rows.ready), key=_by_relay)
    final: list[tuple[AttemptResult, Bounce]] = []
    why: list[tuple[str, FailureCounts]] = []
    for relay, group in groupby(ready, key=lambda result: result.relay or ""):
        results = list(group)
        share = bounce_surge.relay_share(session, relay, results[-1].delivery, to_us(now))
        if share.is_unusual:
            why.append((relay, share))
            _hold(session, results, now)
        else:
            final += _judged_final(session, results, share, now)
    rejected = _not_held_by_domain(session, final, now)
    _reject(session, rejected, now)
    for _, bounce in rejected:
        bounces.apply_effects(session, bounce, now)
    return RefusalCounts(len(rejected), len(ready) - len(rejected), early, tuple(why))


def count_waiting(session: Session) -> int:
    """Count ready mails whose last attempt the relay refused for good."""
    query = select(func.count()).where(AT_WORK, _D.state == State.READY, _D.outcome == Outcome.PERM)
    return int(session.connection().execute(query).scalar_one())


@dataclass(frozen=True, slots=True)
class _RefusalStates:
    """The (delivery, attempt) pairs that are ready.

    Also those whose result is not written down yet.
    """

    ready: Collection[tuple[int, int]]
    under_way: Collection[tuple[int, int]]


def _by_relay(result: AttemptResult) -> tuple[str, int]:
    return result.relay or "", result.delivery


def _refusal_states(session: Session, refused: Sequence[AttemptResult]) -> _RefusalStates:
    query = select(_D.id, _D.attempts, _D.state).where(_D.id.in_([one.delivery for one in refused])).order_by(_D.id)
    ready, under_way = set(), set()
    for row in session.connection().execute(query.with_for_update()):
        if row.state == State.READY:
            ready.add((row.id, row.attempts))
        elif row.state in {State.LEASED, State.FINAL_DOT}:
            under_way.add((row.id, row.attempts))
    return _RefusalStates(ready, under_way)


def _is_hard(result: AttemptResult) -> bool:
    return kind_of("", f"{result.code} {result.text}") is BounceKind.HARD


def _hold(session: Session, results: Sequence[AttemptResult], now: datetime) -> None:
    """Store the refusals of mailboxes as held bounces.

    Lift suppressions of the same surge.
    """
    kept = [bounce for result in results if _is_hard(result) and (bounce := bounce_of(session, result, now))]
    for bounce in kept:
        bounces.insert(session, bounce)
    if kept:
        bounce_surge.must_hold(session, kept[-1], now)
    bounce_surge.hold(session, [bounce.key for bounce in kept])


def _judged_final(
    session: Session, results: Sequence[AttemptResult], share: FailureCounts, now: datetime
) -> list[tuple[AttemptResult, Bounce]]:
    """Return refusals that may be final.

    All if the relay accepted any mail, else those about the mailbox.
    """
    taken = [result for result in results if share.reached or _is_hard(result)]
    return [(result, bounce) for result in taken if (bounce := bounce_of(session, result, now)) is not None]


def _not_held_by_domain(
    session: Session, final: Sequence[tuple[AttemptResult, Bounce]], now: datetime
) -> list[tuple[AttemptResult, Bounce]]:
    """Store the bounces.

    Return those that are not held by their recipients' domain.
    """
    bounces.lock(session, {bounce.address_key for _, bounce in final})
    new = [(result, bounce) for result, bounce in final if bounces.insert(session, bounce)]
    held = {
        bounce.key
        for _, bounce in new
        if bounce.kind is BounceKind.HARD and bounce_surge.must_hold_domain(session, bounce.address_key, now)
    }
    bounce_surge.hold(session, sorted(held))
    return [(result, bounce) for result, bounce in new if bounce.key not in held]


def _reject(session: Session, final: Sequence[tuple[AttemptResult, Bounce]], now: datetime) -> None:
    if not final:
        return
    entry = step(State.REJECTED, Actor.WORKER, to_us(now))
    rows = [
        {"row": one.delivery, "nth": one.attempt, "why": one.reason or "refused", "step": entry} for one, _ in final
    ]
    session.connection().execute(_REJECT, rows)
    seen_papers.return_papers(session, [result.delivery for result, _ in final])


_REJECT = (
    update(core.delivery)
    .where(_D.id == bindparam("row"), _D.state == State.READY, _D.attempts == bindparam("nth"))
    .values(state=State.REJECTED, reason=bindparam("why"), history=_D.history.concat(bindparam("step")))
)
