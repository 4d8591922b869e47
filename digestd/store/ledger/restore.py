"""Bring a ledger forward that is behind the evidence, as one restored from a backup.

Each mail goes the way that it had gone, ready → leased → final_dot → accepted or uncertain, with the time of the real
attempt. Its number may be another; then the relay's log knows the mail by its Message-ID.

A sent journal is a folder outside the database (see digestd.delivery.journals). Its generation is raised in both places
whenever a run begins, so a database or a folder that was put back is behind the other.

`server` is the identity of the database as the server knows it. PostgreSQL gives the database and its tables
new numbers when a dump is restored, and begins another timeline when a standby takes over or a base backup is
recovered. The copies of it in the rows come along with the data and then differ. SQLite has no such identity: "".
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, text, update
from sqlmodel import Session

from digestd.domain.delivery import Actor, Evidence, MailKind, Outcome, Settlement, State
from digestd.domain.digest import Pick, Reason, ReasonKind, Section
from digestd.domain.subscriber import Status
from digestd.errors import NotResumed, Unavailable
from digestd.store import core
from digestd.store.database import Database
from digestd.store.ledger.claim_queue import LEASE, ClaimOwner, claim_these
from digestd.store.ledger.commit_point import CommitDecision, CommitRequest, commit_sends
from digestd.store.ledger.packing import pack_picks, planned_us, step
from digestd.store.ledger.results import AttemptResult, record_journalled
from digestd.store.ledger.settlement import SettlementProof, settle
from digestd.store.timestamps import from_us, to_us

OWNER = "adopted"
RESTORED = "restored"
"""Marks a restored database in place of a journal's id, and begins the Message-ID of the row that reserves numbers."""
RESERVED = 1_000_000
"""Numbers of deliveries are continued at a multiple of this: more than are sent before somebody notices."""
WHY = "the database was put back from a backup"
LOST = "it may have been sent before: the database was put back, and the sent journal of that time is lost"
_D, _A = core.delivery.c, core.attempt.c
_LEFT = frozenset({State.READY, State.UNCERTAIN})
_UNKNOWN_REASON = Reason(ReasonKind.NEW)


@dataclass(frozen=True, slots=True)
class SentAttempt:
    """One attempt that passed the commit point: numbers and time as they were, and the SHA-256 of the mail."""

    delivery: int
    attempt: int
    at_us: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class OpenDelivery:
    """A delivery without an end: number, state, Message-ID, time of planning, attempts, when it is too late."""

    id: int
    state: State
    message_id: str
    born_us: int
    attempts: int
    expires_us: int = 0


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
    query = select(_D.id, _D.state, _D.message_id, _D.history, _D.attempts, _D.expires_us)
    query = query.where(_D.state.in_(sorted(_LEFT))).order_by(_D.id)
    return [
        OpenDelivery(row.id, State(row.state), row.message_id, planned_us(row.history), row.attempts, row.expires_us)
        for row in session.connection().execute(query)
    ]


def apply_sent(session: Session, mail: OpenDelivery, left: SentAttempt, accepted: bool, why: str = WHY) -> bool:
    """Give a delivery the end its mail had; return False if it cannot have it.

    Args:
        mail: The delivery as the ledger has it.
        left: The attempt that sent it.
        accepted: True if the relay took it, False if that is unknown.
    """
    now = from_us(max(left.at_us, mail.born_us))
    if mail.state is State.UNCERTAIN:
        proof = SettlementProof(Evidence.RECEIPT_JOURNAL, Actor.RECOVERY, why)
        return accepted and settle(session, mail.id, Settlement.ACCEPTED, proof, now)
    attempt = _lease_again(session, mail, left, now)
    if attempt is None:
        return False
    request = CommitRequest(mail.id, attempt, OWNER, left.sha256)
    if commit_sends(session, [request], now) != [CommitDecision.OK]:
        return False
    result = AttemptResult(mail.id, attempt, OWNER, State.UNCERTAIN, Outcome.UNCERTAIN, reason=why)
    if accepted:
        result = result._replace(state=State.ACCEPTED, outcome=Outcome.ACCEPTED, code=250, reason=None)
    return record_journalled(session, [result], now) == 1


def _lease_again(session: Session, mail: OpenDelivery, left: SentAttempt, now: datetime) -> int | None:
    """Lease a ready delivery for the attempt that sent it, and return that attempt's number in the ledger.

    The ledger may have the attempt as one that recovery ended unsent: then it is open again.
    """
    if (left.delivery, left.attempt) == (mail.id, mail.attempts) and _reopen(session, mail, to_us(now)):
        return mail.attempts
    claims = claim_these(session, ClaimOwner(OWNER, lambda *_: ""), [mail.id], now)
    return claims[0].attempt if claims else None


def _reopen(session: Session, mail: OpenDelivery, at_us: int) -> bool:
    """Open the last attempt again if it ended unsent; return False if it did not."""
    again = (
        update(core.delivery)
        .where(_D.id == mail.id, _D.state == State.READY, _D.outcome == Outcome.NOT_SENT)
        .values(
            state=State.LEASED,
            lease_until_us=at_us + LEASE // timedelta(microseconds=1),
            owner=OWNER,
            outcome=None,
            evidence=None,
            final_dot_us=None,
            closed_us=None,
            history=_D.history.concat(step(State.LEASED, Actor.RECOVERY, at_us)),
        )
    )
    return session.connection().execute(again).rowcount == 1


def hold(session: Session, mail: OpenDelivery, now: datetime) -> bool:
    """Make a ready delivery uncertain that may have been sent already; return False if it is not ready."""
    at_us = max(mail.born_us, min(to_us(now), mail.expires_us - 1))  # one that is too late by now was not before
    lost = SentAttempt(mail.id, mail.attempts + 1, at_us, bytes(32))
    return mail.state is State.READY and apply_sent(session, mail, lost, accepted=False, why=LOST)


@dataclass(frozen=True, slots=True)
class LostDigest:
    """A digest or programme that was sent and that the ledger does not know.

    Attributes:
        sent: its last attempt, with the number that its delivery had.
        papers: row numbers and revisions of those of its papers that are known.
        due: when its period was due.
    """

    sent: SentAttempt
    subscriber: int
    consent_version: int
    period: str
    message_id: str
    papers: Sequence[tuple[int, int]]
    due: datetime
    expires: datetime
    kind: MailKind = MailKind.DIGEST


def add_lost_digest(session: Session, digest: LostDigest) -> OpenDelivery | None:
    """Write a lost digest again, as ready, under its own number if that is free; None if its period has one.

    Without papers it is empty, and None is returned.
    """
    connection, due_us = session.connection(), to_us(digest.due)
    state = State.READY if digest.papers else State.EMPTY
    same = (_D.subscriber_id == digest.subscriber, _D.kind == digest.kind, _D.key == digest.period)
    if connection.execute(select(_D.id).where(*same)).first() is not None:
        return None
    taken = connection.execute(select(_D.id).where(_D.id == digest.sent.delivery)).first()
    row = _row(digest.subscriber, digest.kind, digest.period, digest.message_id, due_us) | {
        "consent_version": digest.consent_version,
        "covers_from": digest.period,
        "state": state,
        "history": step(state, Actor.RECOVERY, due_us),
        "picks": pack_picks([Pick(*paper, 0.0, Section.FOR_YOU, _UNKNOWN_REASON) for paper in digest.papers]),
        "considered": len(digest.papers) if digest.kind is MailKind.DIGEST else 0,
        "expires_us": max(to_us(digest.expires), digest.sent.at_us + 1),
    }
    number = {} if taken else {"id": digest.sent.delivery}
    added = connection.execute(insert(core.delivery).values(row | number).returning(_D.id)).scalar_one()
    return OpenDelivery(int(added), state, digest.message_id, due_us, 0) if digest.papers else None


def reschedule(session: Session, subscriber: int, last_date: str, planned: datetime, next_due: datetime) -> None:
    """Set what a digest that was sent leaves behind with its subscriber: its date, and when the next is due."""
    session.connection().execute(
        update(core.subscriber)
        .where(core.subscriber.c.id == subscriber)
        .values(last_date=last_date, last_planned_us=to_us(planned), horizon=None, next_due_us=to_us(next_due))
    )


def known_subscribers(session: Session, keys: Iterable[int]) -> list[int]:
    table = core.subscriber.c
    query = select(table.id).where(table.id.in_(sorted(keys)), table.status != Status.ERASED)
    return list(session.connection().execute(query).scalars())


def revisions_of(session: Session, papers: Collection[int]) -> dict[int, int]:
    table = core.paper.c
    query = select(table.id, table.revision_id).where(table.id.in_(sorted(papers)), table.revision_id.is_not(None))
    return {row.id: row.revision_id for row in session.connection().execute(query)}


def unknown_attempts(session: Session, attempts: Collection[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return which of these attempts at deliveries have not passed the commit point by the ledger, in order.

    Those up to the last number that a restore reserved are known to it.
    """
    wanted, known = sorted(attempts), set[tuple[int, int]]()
    for begin in range(0, len(wanted), _BATCH):
        some = [delivery for delivery, _ in wanted[begin : begin + _BATCH]]
        query = select(_A.delivery_id, _A.n).where(_A.delivery_id.in_(some), _A.final_dot_us.is_not(None))
        known |= {(row.delivery_id, row.n) for row in session.connection().execute(query)}
    unknown = [attempt for attempt in wanted if attempt not in known]
    if not unknown:
        return []
    reserved = select(func.max(_D.id)).where(_D.message_id.like(f"<{RESTORED}.%"))
    up_to = session.connection().execute(reserved).scalar() or 0
    return [(delivery, n) for delivery, n in unknown if delivery > up_to]


_BATCH = 500


def reserve_numbers(session: Session, highest: int, now: datetime) -> None:
    """Continue delivery numbers far beyond `highest` and those in the ledger.

    This way, late bounces match no new mail; and if the installation that was copied goes on, mails of both have
    different numbers, so that each sees in the relay's log that there is another.

    A row that says so keeps the place; there is none to keep where nobody is subscribed.
    """
    known = session.connection().execute(select(func.max(_D.id))).scalar() or 0
    somebody = session.connection().execute(select(func.min(core.subscriber.c.id))).scalar()
    if somebody is None:
        return
    beyond = (max(highest, known) // RESERVED + 1) * RESERVED
    row = _row(somebody, MailKind.REPLY, f"{RESTORED} {beyond}", f"<{RESTORED}.{beyond}>", to_us(now))
    history = step(State.EMPTY, Actor.RECOVERY, to_us(now))
    session.connection().execute(insert(core.delivery).values(row | {"id": beyond, "history": history}))
    if session.connection().dialect.name != "sqlite":
        onwards = text("SELECT setval(pg_get_serial_sequence('delivery', 'id'), :beyond)")
        session.connection().execute(onwards, {"beyond": beyond})


def _row(subscriber: int, kind: MailKind, key: str, message_id: str, at_us: int) -> dict[str, object]:
    """Return a delivery that was due at a time, without anything in it."""
    return {
        "subscriber_id": subscriber,
        "kind": kind,
        "key": key,
        "covers_from": "",
        "consent_version": 1,
        "state": State.EMPTY,
        "message_id": message_id,
        "picks": b"",
        "considered": 0,
        "coverage": {},
        "occasions": "",
        "template_hash": "",
        "due_us": at_us,
        "expires_us": at_us + 1,
        "not_before_us": at_us,
        "attempts": 0,
        "failures": 0,
    }


_J = core.sent_journal.c


class ServerChanged(Unavailable):
    """The database is on another server than at the start of the run, or was restored."""


@dataclass(frozen=True, slots=True)
class KnownJournal:
    """A sent journal as the database knows it.

    Attributes:
        server: Where the database was when the journal was last compared with it.
        since: The time of its first comparison with the database there.
    """

    id: str
    host: str
    generation: int
    server: str
    since: datetime
    used: datetime


def server_identity(session: Session) -> str:
    """Return `database.table/timeline` on PostgreSQL, "" on SQLite."""
    connection = session.connection()
    return "" if connection.dialect.name == "sqlite" else str(connection.execute(_SERVER).scalar_one())


_SERVER = text(
    "SELECT oid || '.' || CAST('delivery' AS regclass)::oid || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) "
    "FROM pg_database WHERE datname = current_database()"
)


def require_server(session: Session, server: str) -> None:
    """Raise ServerChanged if the database is not on that server any more."""
    if server and server_identity(session) != server:
        raise ServerChanged(
            "another database server took over; sending continues once the sent journals have been compared with it"
        )


def took_over(before: str, now: str) -> bool:
    """Return True if the database has begun another timeline (a standby), or was copied from SQLite (no identity)."""
    return before != now and (not before or before.partition("/")[0] == now.partition("/")[0])


def mark_restored(session: Session, made: datetime, now: datetime, *, has_opt_outs: bool = False) -> None:
    """Note that the database was restored from a backup that was made then, until `clear_restored`.

    `has_opt_outs`: who left since is known from the former database.
    """
    values = {"host": "", "generation": int(has_opt_outs), "server": "", "since_us": to_us(made), "used_us": to_us(now)}
    same = core.upsert(session, core.sent_journal).values(id=RESTORED, **values)
    session.connection().execute(same.on_conflict_do_update(index_elements=["id"], set_=values))


def restored_from(session: Session) -> datetime | None:
    """Return when the backup was made that the database was restored from; None if sending was resumed since."""
    made_us = session.connection().execute(select(_J.since_us).where(_J.id == RESTORED)).scalar()
    return None if made_us is None else from_us(made_us)


def require_resumed(db: Database) -> None:
    """Raise NotResumed if the database was restored and sending was not resumed."""
    with db.read() as session:
        made = restored_from(session)
    if made is not None:
        raise NotResumed(
            f"the database was restored from a backup of {made:%Y-%m-%d %H:%MZ}. Run `digestd restore --resume` so "
            "that nothing is sent twice"
        )


def has_former_opt_outs(session: Session) -> bool:
    return bool(session.connection().execute(select(_J.generation).where(_J.id == RESTORED)).scalar())


def clear_restored(session: Session) -> None:
    session.connection().execute(delete(core.sent_journal).where(_J.id == RESTORED))


def known_journals(session: Session, used_after: datetime) -> list[KnownJournal]:
    """Return the journals used after a time, by id."""
    query = select(core.sent_journal).where(_J.used_us > to_us(used_after), _J.id != RESTORED).order_by(_J.id)
    return [
        KnownJournal(row.id, row.host, row.generation, row.server, from_us(row.since_us), from_us(row.used_us))
        for row in session.connection().execute(query)
    ]


def journal_generation(session: Session, journal: str) -> int:
    """Return the generation of a journal; 0 before its first run."""
    return int(session.connection().execute(select(_J.generation).where(_J.id == journal)).scalar() or 0)


def use_journal(session: Session, journal: str, host: str, now: datetime) -> int:
    """Note that a journal agrees with the database here and now; return its next generation."""
    connection, server, at_us = session.connection(), server_identity(session), to_us(now)
    values = {"host": host, "generation": 0, "server": "", "since_us": at_us, "used_us": at_us}
    connection.execute(core.upsert(session, core.sent_journal).values(id=journal, **values).on_conflict_do_nothing())
    row = connection.execute(select(core.sent_journal).where(_J.id == journal).with_for_update()).one()
    since_us = row.since_us if row.server == server else at_us
    new = {"host": host, "generation": row.generation + 1, "server": server, "since_us": since_us, "used_us": at_us}
    connection.execute(update(core.sent_journal).where(_J.id == journal).values(new))
    return int(row.generation) + 1


def forget_journals(session: Session, journals: Sequence[str]) -> None:
    session.connection().execute(delete(core.sent_journal).where(_J.id.in_(journals)))


def delete_unused_journals(session: Session, now: datetime, kept: timedelta) -> None:
    """Delete journals that were not used for `kept`: their entries are deleted by then."""
    session.connection().execute(delete(core.sent_journal).where(_J.used_us < to_us(now - kept)))
