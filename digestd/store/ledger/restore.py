"""Apply mails that left after a backup was made to a database restored from it.

Each goes the way that it had gone, ready → leased → final_dot → accepted or uncertain, with the time and return path
of the real attempt, so that the relay's log and bounces settle uncertain ones as usual.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, text
from sqlmodel import Session

from digestd.domain.delivery import Actor, Evidence, MailKind, Outcome, Settlement, State
from digestd.store import core
from digestd.store.ledger.claim_queue import ClaimOwner, claim_these
from digestd.store.ledger.commit_point import CommitDecision, CommitRequest, commit_sends
from digestd.store.ledger.results import AttemptResult, record_journalled
from digestd.store.ledger.settlement import SettlementProof, settle
from digestd.store.packing import step, steps
from digestd.store.timestamps import from_us, to_us

OWNER = "adopted"
RESTORED = "restored"
WHY = "the database was put back from a backup"
_D, _A = core.delivery.c, core.attempt.c
_LEFT = frozenset({State.READY, State.UNCERTAIN})


@dataclass(frozen=True, slots=True)
class SentAttempt:
    """One attempt that passed the commit point.

    Its numbers and time as they were, and the SHA-256 of the mail.
    """

    delivery: int
    attempt: int
    at_us: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class OpenDelivery:
    """A delivery without an end: number, state, Message-ID, time of planning."""

    id: int
    state: State
    message_id: str
    born_us: int


def sent_message_id(session: Session, delivery: int, attempt: int) -> str | None:
    """Return the Message-ID of an attempt that passed the commit point; else None."""
    query = (
        select(_D.message_id)
        .join_from(core.attempt, core.delivery, _D.id == _A.delivery_id)
        .where(_A.delivery_id == delivery, _A.n == attempt, _A.final_dot_us.is_not(None))
    )
    return session.connection().execute(query).scalar()


def open_deliveries(session: Session) -> list[OpenDelivery]:
    """Return the deliveries that are ready or uncertain."""
    query = select(_D.id, _D.state, _D.message_id, _D.history).where(_D.state.in_(sorted(_LEFT))).order_by(_D.id)
    return [
        OpenDelivery(row.id, State(row.state), row.message_id, steps(row.history)[0][2])
        for row in session.connection().execute(query)
    ]


def apply_sent(session: Session, mail: OpenDelivery, left: SentAttempt, envelope_from: str, accepted: bool) -> bool:
    """Give a delivery the end its mail had; return False if it cannot have it."""
    now = from_us(max(left.at_us, mail.born_us))
    if mail.state is State.UNCERTAIN:
        proof = SettlementProof(Evidence.RECEIPT_JOURNAL, Actor.RECOVERY, WHY)
        return accepted and settle(session, mail.id, Settlement.ACCEPTED, proof, now)
    claims = claim_these(session, ClaimOwner(OWNER, lambda *_: envelope_from), [mail.id], now)
    passes = [CommitRequest(claim.key, claim.attempt, OWNER, left.sha256) for claim in claims]
    if commit_sends(session, passes, now) != [CommitDecision.OK]:
        return False
    result = AttemptResult(mail.id, passes[0].attempt, OWNER, State.UNCERTAIN, Outcome.UNCERTAIN, reason=WHY)
    if accepted:
        result = result._replace(state=State.ACCEPTED, outcome=Outcome.ACCEPTED, code=250, reason=None)
    return record_journalled(session, [result], now) == 1


def reserve_numbers(session: Session, beyond: int, now: datetime) -> None:
    """Continue delivery numbers after `beyond`.

    This way, late bounces match no new mail.

    A row that says so keeps the place; there is none to keep where nobody is subscribed.
    """
    highest = session.connection().execute(select(func.max(_D.id))).scalar() or 0
    somebody = session.connection().execute(select(func.min(core.subscriber.c.id))).scalar()
    if highest >= beyond or somebody is None:
        return
    at_us = to_us(now)
    session.connection().execute(
        insert(core.delivery).values(
            id=beyond,
            subscriber_id=somebody,
            kind=MailKind.REPLY,
            key=f"{RESTORED} {at_us}",
            covers_from="",
            consent_version=1,
            state=State.EMPTY,
            message_id=f"<{RESTORED}.{at_us}>",
            picks=b"",
            considered=0,
            coverage={},
            occasions="",
            template_hash="",
            history=step(State.EMPTY, Actor.RECOVERY, at_us),
            due_us=at_us,
            expires_us=at_us + 1,
            not_before_us=at_us,
            attempts=0,
            failures=0,
        )
    )
    if session.connection().dialect.name != "sqlite":
        onwards = text("SELECT setval(pg_get_serial_sequence('delivery', 'id'), :beyond)")
        session.connection().execute(onwards, {"beyond": beyond})
