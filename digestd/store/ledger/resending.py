"""Find digests that can be sent again, with what speaks for and against it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session

from digestd.domain.delivery import PICKED, UNSENT, MailKind, State
from digestd.domain.digest import DigestFacts
from digestd.domain.subscriber import Status, Timing
from digestd.store import core
from digestd.store.ledger.claim_queue import COVERAGE, coverage, log_unreadable, occasions
from digestd.store.ledger.create import NewCopy
from digestd.store.ledger.packing import readable_picks, readable_steps, unpack_most_read
from digestd.store.ledger.seen_papers import add as add_seen
from digestd.store.monitoring import first_delivery_since
from digestd.store.preferences import COLUMNS, read_row, read_status
from digestd.store.timestamps import from_us, to_us

_D, _S, _X = core.delivery.c, core.subscriber.c, core.suppression.c
_LIVE = [state.value for state in State if state not in UNSENT and state not in {State.EMPTY, State.POISONED}]


@dataclass(frozen=True, slots=True)
class ResendFilter:
    """A selection of digests: due from `since` on, in one of these states; by the other fields if they are given."""

    since: datetime
    states: Collection[State]
    domain: str = ""
    relay: str = ""
    subscriber: int | None = None
    delivery: int | None = None


@dataclass(frozen=True, slots=True)
class ResendCandidate:
    """A digest that may be sent again.

    Attributes:
        ended: when it came to its state.
        is_suppressed: their address must not be written to.
        next_due: when their next digest is due.
        has_newer: a newer digest was sent to them, or will be.
    """

    delivery: int
    address: str
    state: State
    ended: datetime
    status: Status
    is_suppressed: bool
    timing: Timing
    next_due: datetime
    has_newer: bool
    copy: NewCopy


def resend_candidates(session: Session, wanted: ResendFilter, after: int, limit: int) -> list[ResendCandidate]:
    """Return up to `limit` digests with papers that match, with numbers beyond `after`, by number.

    A programme matches only by its number. Those that cannot be read are left out; nothing is left if none is returned.
    """
    later = core.delivery.alias("later")
    newer = select(later.c.id).where(
        later.c.subscriber_id == _D.subscriber_id,
        later.c.id > _D.id,
        later.c.kind.in_([MailKind.COPY, MailKind.DIGEST]),
        later.c.state.in_(_LIVE),
    )
    kinds = PICKED if wanted.delivery is not None else {MailKind.DIGEST}
    query = (
        select(
            *(
                _D.id,
                _D.subscriber_id,
                _D.state,
                _D.history,
                _D.key,
                _D.picks,
                _D.considered,
                COVERAGE,
                _D.occasions,
            ),
            *(_S.address, _S.status, _S.version, _S.next_due_us, *COLUMNS),
            _X.reason,
            newer.exists().label("newer"),
        )
        .join_from(core.delivery, core.subscriber, _S.id == _D.subscriber_id)
        .outerjoin(core.suppression, _X.address_key == _S.address_key)
        .where(_D.id > max(after, first_delivery_since(session, wanted.since) - 1), _D.kind.in_(sorted(kinds)))
        .where(_D.due_us >= to_us(wanted.since), _D.state.in_(sorted(wanted.states)), _S.address.is_not(None))
        .order_by(_D.id)
        .limit(limit)
    )
    if wanted.domain:
        query = query.where(func.lower(_S.address).endswith(f"@{wanted.domain.lower()}", autoescape=True))
    if wanted.relay:
        query = query.where(_D.relay == wanted.relay)
    if wanted.subscriber is not None:
        query = query.where(_D.subscriber_id == wanted.subscriber)
    if wanted.delivery is not None:
        query = query.where(_D.id == wanted.delivery)
    rows = session.connection().execute(query).all()
    found = [candidate for row in rows if (candidate := _candidate(row))]
    return found if found or not rows else resend_candidates(session, wanted, rows[-1].id, limit)


def mark_seen(session: Session, copies: Sequence[NewCopy]) -> None:
    """Note the papers of these digests as seen: after a digest that was not sent they would come once more."""
    for copy in copies:
        add_seen(session, {copy.subscriber: [pick.paper for pick in readable_picks(copy.packed)]})


def _candidate(row: core.Record) -> ResendCandidate | None:
    history, covered = readable_steps(row.history), coverage(row.coverage)
    if not history or covered is None:
        log_unreadable(row.id)
        return None
    return ResendCandidate(
        delivery=row.id,
        address=row.address,
        state=State(row.state),
        ended=from_us(max(at_us for _, _, at_us in history)),
        status=read_status(row.status),
        is_suppressed=row.reason is not None,
        timing=read_row(row)[0].timing,
        next_due=from_us(row.next_due_us),
        has_newer=bool(row.newer),
        copy=NewCopy(
            subscriber=row.subscriber_id,
            consent_version=row.version,
            period=row.key,
            packed=bytes(row.picks),
            facts=DigestFacts(
                row.considered,
                covered,
                occasions(row.occasions),
                most_read=unpack_most_read(row.occasions),
            ),
        ),
    )
