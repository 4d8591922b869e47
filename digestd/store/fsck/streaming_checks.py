"""Invariants on packed columns: one pass by subscriber, in bounded memory."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import groupby, pairwise

from sqlalchemy import select
from sqlmodel import Session

from digestd.domain.delivery import (
    DIGESTS,
    FINAL_STATES,
    INITIAL_STATES,
    PICKED,
    TRANSITIONS,
    UNSENT,
    MailKind,
    State,
)
from digestd.domain.digest import Occasion
from digestd.domain.subscriber import Status
from digestd.errors import Damaged
from digestd.store import core
from digestd.store.fsck.sql_checks import SHOWN
from digestd.store.ledger.claim_queue import COVERAGE, coverage, occasions
from digestd.store.ledger.create import audit_hash
from digestd.store.ledger.packing import pick_count, steps, unpack_picks, unpack_seen

WALKED = {
    "I14": "a paper in two live or sent digests of a subscriber, or in one and not among the papers they have had",
    "I15": "an empty digest with picks, or a live or sent one whose picks or coverage cannot be read",
    "I17": "a step that the states do not allow",
    "I18": "a step out of a final state",
    "I20": "someone who was due without a delivery for the period",
}
_BLOCK = 1_000
_D, _S, _A = core.delivery.c, core.subscriber.c, core.due_audit.c
_HOLDING = frozenset({State.READY, State.LEASED, State.FINAL_DOT, State.ACCEPTED, State.UNCERTAIN, State.POISONED})

Found = dict[str, list[dict[str, object]]]


def walk(session: Session, advance: Callable[[int], None] = lambda _: None) -> Found:
    """Read every delivery once, subscriber by subscriber; `advance` is called with the number read since."""
    found: Found = {name: [] for name in WALKED}
    due: dict[int, tuple[int, int]] = {}
    for _, group in groupby(_deliveries(session), key=lambda row: row.subscriber_id):
        rows = list(group)
        advance(len(rows))
        _check_seen(rows, found)
        for row in rows:
            _check_delivery(row, found)
            if row.audit_id is not None:
                count, total = due.get(row.audit_id, (0, 0))
                due[row.audit_id] = (count + 1, total + audit_hash([(row.subscriber_id, row.key)]))
    _check_due(session, due, found)
    return found


def _deliveries(session: Session) -> Iterator[core.Record]:
    query = (
        select(
            _D.id,
            _D.subscriber_id,
            _D.kind,
            _D.key,
            _D.state,
            _D.picks,
            _D.occasions,
            COVERAGE,
            _D.history,
            _D.audit_id,
            _S.status,
            core.seen_papers.c.papers.label("seen"),
        )
        .select_from(core.delivery.join(core.subscriber, _S.id == _D.subscriber_id).outerjoin(
            core.seen_papers, core.seen_papers.c.subscriber_id == _D.subscriber_id))
        .order_by(_D.subscriber_id, _D.kind, _D.key)  # the order of an index: nothing is sorted
        .execution_options(yield_per=_BLOCK)
    )  # fmt: skip
    yield from session.connection().execute(query)


def _check_seen(rows: list[core.Record], found: Found) -> None:
    """Compare the seen papers with the picks; damaged picks are reported by I15.

    Papers of digests that were pruned stay among the seen.
    """
    if rows[0].status == Status.ERASED:
        return
    held: list[int] = []
    for row in rows:
        if row.kind in PICKED and row.state not in UNSENT:
            try:
                held.extend(pick.paper for pick in unpack_picks(row.picks))
            except Damaged:
                return
    twice = sorted(paper for paper, count in Counter(held).items() if count > 1)
    try:
        seen = set() if rows[0].seen is None else set(unpack_seen(rows[0].seen).tolist())
    except ValueError:
        _note(found, "I14", {"subscriber_id": rows[0].subscriber_id, "seen": "cannot be read"})
        return
    missing = sorted(set(held) - seen)
    if twice or missing:
        _note(found, "I14", {"subscriber_id": rows[0].subscriber_id, "twice": twice, "missing": missing})


def _check_delivery(row: core.Record, found: Found) -> None:
    wrong = bool(row.picks) if row.state == State.EMPTY else row.state in _HOLDING and not _is_readable(row)
    is_emptied = row.status == Status.ERASED or (row.kind == MailKind.PROGRAMME and not row.picks)  # also by a prune
    if wrong and row.kind in DIGESTS and not is_emptied:
        _note(found, "I15", {"id": row.id, "state": row.state})
    try:
        illegal = _illegal_steps(tuple(state for state, _, _ in steps(row.history)))
    except ValueError as error:
        _note(found, "I17", {"id": row.id, "history": str(error)})
        return
    for name, before, after in illegal:
        _note(found, name, {"id": row.id, "from": before, "to": after})


@lru_cache(maxsize=10_000)
def _illegal_steps(walked: tuple[State, ...]) -> tuple[tuple[str, str, State], ...]:
    """Return the violated invariant and both states of each illegal step; few courses of a delivery are common."""
    illegal: list[tuple[str, str, State]] = []
    if walked and walked[0] not in INITIAL_STATES:
        illegal.append(("I17", "born", walked[0]))
    for before, after in pairwise(walked):
        if before in FINAL_STATES:
            illegal.append(("I18", before, after))
        elif (before, after) not in TRANSITIONS:
            illegal.append(("I17", before, after))
    return tuple(illegal)


def _is_readable(row: core.Record) -> bool:
    is_told = Occasion.EMPTY in occasions(row.occasions) and bool(row.picks)
    return (is_told or pick_count(row.picks) > 0) and coverage(row.coverage) is not None


def _check_due(session: Session, due: dict[int, tuple[int, int]], found: Found) -> None:
    query = select(core.due_audit).order_by(_A.id).execution_options(yield_per=_BLOCK)
    for row in session.connection().execute(query):
        count, total = due.get(row.id, (0, 0))
        if (row.due, row.hash) != (count, total % (1 << 62)):
            _note(found, "I20", {"audit_id": row.id, "due": row.due, "found": count})


def _note(found: Found, name: str, row: dict[str, object]) -> None:
    if len(found[name]) < SHOWN:
        found[name].append(row)
