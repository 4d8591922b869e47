"""The claim queue: a worker leases ready deliveries, oldest due first, and closes those not to be sent.

Queries repeat the conditions of the partial indexes (deliveries that are open or uncertain, a few of all) literally:
SQLite does not know the value of a parameter when it plans. Without them each claim would scan the whole ledger.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import (
    BigInteger,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import DataError, IntegrityError, InternalError, ProgrammingError
from sqlmodel import Session

from digestd.domain.coverage import CoverageState
from digestd.domain.delivery import Actor, Claim, Consent, MailKind, State, SuppressionReason, blocks_mail
from digestd.domain.digest import DigestFacts, Occasion
from digestd.domain.subscriber import Status
from digestd.store import clock, core
from digestd.store.bulk import BulkStatement, driver
from digestd.store.ledger import seen_papers
from digestd.store.ledger.packing import (
    planned_us,
    readable_picks,
    step,
    unpack_most_read,
    unpack_news,
)
from digestd.store.preferences import COLUMNS, read_row
from digestd.store.tables.ledger import AT_WORK as STATES
from digestd.store.timestamps import to_us

LEASE = timedelta(minutes=45)
"""Longer than a whole batch can take; recovery goes by the owner's life, not by this."""

TOO_LATE = "too late to be of use"
UNREADABLE = "it cannot be read, so the database is damaged"
_D, _S, _M = core.delivery.c, core.subscriber.c, core.address_change.c
_ORDER = tuple_(_D.not_before_us, _D.id)
KINDS = {str(kind): kind for kind in MailKind}
_STATUSES = {str(status): status for status in Status}
_SUPPRESSIONS = {str(reason): reason for reason in SuppressionReason}
COVERAGE = cast(_D.coverage, Text).label("coverage")
"""As text, which is the same for all mails of a day, and read once."""
ALL_COLUMNS = tuple(COVERAGE if column is _D.coverage else column for column in _D)
"""Every column of a delivery; to select them fails over no damage in one of them."""
RECIPIENT = case((_D.recipient_key.is_(None), _S.address), else_=_M.address)
"""The address a delivery goes to: the subscriber's own, or one they mean to move to."""
RECIPIENTS = (
    core.delivery.join(core.subscriber, _S.id == _D.subscriber_id)
    .outerjoin(core.address_change, and_(_M.subscriber_id == _D.subscriber_id, _M.address_key == _D.recipient_key))
    .outerjoin(core.suppression, core.suppression.c.address_key == func.coalesce(_D.recipient_key, _S.address_key))
)
"""Each delivery with its subscriber, and with what stands against writing to its address."""
BY_MAIL = Occasion.ROOM_FAILED, Occasion.ROOM_ENDED
"""Occasions of digests that go by mail, although their subscriber has a chat room."""
TO_ROOM = and_(
    _D.kind.in_([MailKind.COPY, MailKind.DIGEST]),
    *(_D.occasions.not_like(f"%{occasion}%") for occasion in BY_MAIL),
    exists().where(core.chat_target.c.subscriber_id == _D.subscriber_id),
)
"""Condition for what goes to a chat room. Everything else goes by mail, as all notices do."""


@dataclass(frozen=True, slots=True)
class ClaimOwner:
    """A worker's name, and a function for the envelope sender of (delivery, attempt).

    `held`: kinds of mail that it must not claim, each for readers in some languages.
    """

    owner: str
    envelope: Callable[[int, int], str]
    held: Sequence[tuple[MailKind, Sequence[str]]] = ()


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """The result of a claim: leased deliveries, and how many were closed unsent."""

    claims: tuple[Claim, ...]
    skipped: int
    expired: int

    @property
    def nothing(self) -> bool:
        return not (self.claims or self.skipped or self.expired)


def claim(
    session: Session,
    claimer: ClaimOwner,
    limit: int,
    now: datetime,
    without: Collection[str] = (),
    *,
    to_rooms: bool = False,
) -> ClaimResult:
    """Lease up to `limit` ready mails, or chat posts, in the caller's transaction; none to the domains `without`."""
    at_us = to_us(now)
    selected = _selected().where(*claimable(session, now), TO_ROOM if to_rooms else not_(TO_ROOM))
    ordered = selected.order_by(_D.not_before_us, _D.id).limit(limit)
    query = _without(claimer.held, ordered.with_for_update(of=core.delivery, skip_locked=True))
    for domain in without:
        query = query.where(func.lower(RECIPIENT).not_like(f"%@{_literal(domain)}", escape="\\"))
    rows = session.connection().execute(query).all()
    result = _claim_batch(session, claimer, rows, at_us)
    while rows and result.nothing:  # the database refused all of them
        last = rows[-1]
        rows = session.connection().execute(query.where(tuple_(last.not_before_us, last.id) < _ORDER)).all()
        result = _claim_batch(session, claimer, rows, at_us)
    return result


def claimable(session: Session, now: datetime) -> tuple[core.Condition, ...]:
    """Return the conditions of mails that may be claimed.

    What is late by a clock that has just moved waits until it is known to be right; see store.clock.
    """
    at_us, settled_us = to_us(now), to_us(clock.read(session).settled(now))
    in_time = () if settled_us == at_us else (or_(_D.expires_us > at_us, _D.expires_us <= settled_us),)
    return AT_WORK, _D.state == State.READY, _D.not_before_us <= at_us, *in_time


def claim_these(
    session: Session, claimer: ClaimOwner, deliveries: Collection[int], now: datetime, *, to_rooms: bool = False
) -> tuple[Claim, ...]:
    """Lease those of these mails, or chat posts, that are ready and unobjectionable, even if delayed or late."""
    query = _selected().where(_D.state == State.READY, _D.id.in_(deliveries)).order_by(_D.id)
    query = query.where(TO_ROOM if to_rooms else not_(TO_ROOM))
    query = _without(claimer.held, query)
    rows = session.connection().execute(query.with_for_update(of=core.delivery)).all()
    checked = [(row, _claim_or_reason(row, claimer, to_us(now))) for row in rows]
    return _lease(session, [(row, found) for row, found in checked if isinstance(found, Claim)], claimer, to_us(now))


def divert(session: Session, delivery: int, occasion: Occasion) -> None:
    """Send a digest for a chat room by mail. `occasion`: why, one of BY_MAIL, which its reader is told."""
    if occasion not in BY_MAIL:
        raise ValueError(f"{occasion} is no reason to send by mail")
    occasions = func.trim(_D.occasions.concat(f" {occasion}"))
    session.connection().execute(update(core.delivery).where(_D.id == delivery, TO_ROOM).values(occasions=occasions))


def expire(session: Session, limit: int, now: datetime) -> int:
    """Expire up to `limit` waiting, delayed or poisoned deliveries that are too late; return how many."""
    waiting = _D.state.in_([State.READY, State.POISONED])
    settled_us = to_us(clock.read(session).settled(now))
    late = select(_D.id).where(AT_WORK, waiting, _D.expires_us <= settled_us).order_by(_D.id).limit(limit)
    rows = session.connection().execute(late.with_for_update(skip_locked=True)).scalars().all()
    _end(session, State.EXPIRED, dict.fromkeys(rows, TOO_LATE), to_us(now))
    return len(rows)


def objection(row: core.Record) -> str | None:
    """Return why a mail must not be sent (a row of RECIPIENTS); None if it may."""
    return _objection(row.kind, row.consent_version, row.status, row.version, row.suppression, row.address is not None)


@lru_cache(maxsize=1_000)
def _objection(
    kind: str, planned: int, status: str, version: int, suppression: str | None, addressed: bool
) -> str | None:
    if kind not in KINDS:
        return "this kind of mail is not known"
    if status not in _STATUSES:
        return "the subscriber's status cannot be read"
    suppressed = suppression is not None and (
        suppression not in _SUPPRESSIONS or blocks_mail(KINDS[kind], _SUPPRESSIONS[suppression])
    )
    return Consent(KINDS[kind], planned, _STATUSES[status], version, suppressed, addressed).objection


@lru_cache(maxsize=100)
def coverage(kept: str) -> Mapping[str, CoverageState] | None:
    """Return the incomplete sources from the text of COVERAGE; None if unreadable."""
    try:
        return {name: CoverageState(state) for name, state in json.loads(kept).items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


@lru_cache(maxsize=100)
def occasions(kept: str) -> frozenset[Occasion]:
    """Return what is special about a digest from its column; unknown values are ignored."""
    return frozenset(occasion for occasion in Occasion if occasion in kept.split())


def _selected() -> core.Query:
    suppression = core.suppression.c.reason.label("suppression")
    return select(
        *_COLUMNS,
        RECIPIENT.label("address"),
        *COLUMNS,
        _S.status,
        _S.version,
        suppression,
    ).select_from(RECIPIENTS)


def _without(held: Sequence[tuple[MailKind, Sequence[str]]], query: core.Query) -> core.Query:
    return query.where(*(not_(and_(_D.kind == kind, _S.language.in_(languages))) for kind, languages in held))


def _literal(domain: str) -> str:
    return domain.replace("_", "\\_").replace("%", "\\%")


_COLUMNS = (
    _D.id,
    _D.subscriber_id,
    _D.kind,
    _D.key,
    _D.covers_from,
    _D.consent_version,
    _D.message_id,
    _D.picks,
    _D.considered,
    COVERAGE,
    _D.history,
    _D.occasions,
    _D.dated_us,
    _D.expires_us,
    _D.not_before_us,
    _D.attempts,
    _D.failures,
)


def _end(session: Session, state: State, reasons: dict[int, str], at_us: int) -> None:
    if not reasons:
        return
    session.connection().execute(
        _END,
        [
            {"row": key, "to": state, "why": why, "step": step(state, Actor.WORKER, at_us)}
            for key, why in reasons.items()
        ],
    )
    seen_papers.return_papers(session, reasons)


_END = (
    update(core.delivery)
    .where(_D.id == bindparam("row"), (_D.state == State.READY) | (_D.state == State.POISONED))
    .values(state=bindparam("to"), reason=bindparam("why"), history=_D.history.concat(bindparam("step")))
)


def _claim_batch(session: Session, claimer: ClaimOwner, rows: Sequence[core.Record], at_us: int) -> ClaimResult:
    expired: dict[int, str] = {}
    skipped: dict[int, str] = {}
    ready: list[tuple[core.Record, Claim]] = []
    for row in rows:
        found = TOO_LATE if _is_late(row, at_us) else _claim_or_reason(row, claimer, at_us)
        if isinstance(found, Claim):
            ready.append((row, found))
        else:
            (expired if found == TOO_LATE else skipped)[row.id] = found
    _end(session, State.EXPIRED, expired, at_us)
    _end(session, State.SKIPPED, skipped, at_us)
    return ClaimResult(_lease(session, ready, claimer, at_us), len(skipped), len(expired))


def _is_late(row: core.Record, at_us: int) -> bool:
    return isinstance(row.expires_us, int) and row.expires_us <= at_us


def _claim_or_reason(row: core.Record, claimer: ClaimOwner, at_us: int) -> Claim | str:
    """Return the next attempt at a delivery, or why there must be none: one damaged row holds up no others."""
    try:
        if reason := objection(row):
            return reason
        attempt = row.attempts + 1
        if isinstance(row.expires_us, int):
            return claim_of(row, attempt, claimer.envelope(row.id, attempt), at_us)
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError):
        pass
    log_unreadable(row.id)
    return UNREADABLE


def _lease(
    session: Session, ready: Sequence[tuple[core.Record, Claim]], claimer: ClaimOwner, at_us: int
) -> tuple[Claim, ...]:
    leased = {row.id for row in _leased(session, [row for row, _ in ready], claimer.owner, at_us)}
    return tuple([claim for row, claim in ready if row.id in leased])


def _leased(session: Session, rows: Sequence[core.Record], owner: str, at_us: int) -> Sequence[core.Record]:
    """Lease rows; return those that the database lets us change, so that one that it refuses holds up no others."""
    if not rows:
        return ()
    try:
        with session.begin_nested():
            _write_leases(session, rows, owner, at_us)
    except (IntegrityError, DataError, ProgrammingError, InternalError) as error:
        if error.connection_invalidated:
            raise
        if len(rows) > 1:
            middle = len(rows) // 2
            parts = rows[:middle], rows[middle:]
            return [row for part in parts for row in _leased(session, part, owner, at_us)]
        words = "the database refuses to lease a delivery: run `digestd fsck`"
        _log(words, delivery=rows[0].id, kind=type(error).__name__)
        return ()
    return rows


def log_unreadable(delivery: int) -> None:
    _log("a delivery cannot be read, and is left out: run `digestd fsck`", delivery=delivery)


def _log(words: str, **details: object) -> None:
    import structlog  # noqa: PLC0415  # most commands log nothing

    structlog.get_logger(__name__).error(words, **details)


def _write_leases(session: Session, rows: Sequence[core.Record], owner: str, at_us: int) -> None:
    if again := [row.id for row in rows if row.attempts]:
        earlier = insert(core.earlier_attempt).from_select(list(core.earlier_attempt.c), _LAST_ATTEMPT)
        session.connection().execute(earlier, {"rows": again})
    until, entry = at_us + LEASE // timedelta(microseconds=1), step(State.LEASED, Actor.WORKER, at_us)
    leased, ready = State.LEASED.value, State.READY.value
    _LEASE.run(session, [(leased, owner, until, at_us, entry, ready, row.id) for row in rows])


_LAST_ATTEMPT = select(
    _D.id,
    _D.attempts,
    _D.owner,
    _D.relay,
    _D.checked_version,
    _D.outcome,
    _D.evidence,
    case((_D.evidence.is_not(None), _D.reply_code)),
    case((_D.evidence.is_not(None), func.coalesce(_D.reply_text, _D.reason))),
    _D.opened_us,
    _D.final_dot_us,
    _D.closed_us,
).where(_D.id.in_(bindparam("rows", expanding=True)))
"""The last attempts at deliveries, in the columns of earlier ones: the next attempt takes their place."""
_LEASE = BulkStatement(
    update(core.delivery)
    .where(_D.id == bindparam("row"), _D.state == bindparam("from"))
    .values(
        state=bindparam("to"),
        attempts=_D.attempts + 1,
        lease_until_us=bindparam("until"),
        owner=bindparam("owner"),
        opened_us=bindparam("at", type_=BigInteger),
        **dict.fromkeys(["relay", "checked_version", "outcome", "evidence", "final_dot_us", "closed_us"]),
        dated_us=func.coalesce(_D.dated_us, bindparam("at", type_=BigInteger)),
        history=_D.history.concat(bindparam("step")),
    ),
    ("to", "owner", "until", "at", "step", "from", "row"),
)


def claim_of(row: core.Record, attempt: int, envelope_from: str, dated_us: int) -> Claim:
    """Return an attempt at a delivery. `dated_us`: the date of its mail, unless it has one already."""
    return Claim(
        key=row.id,
        attempt=attempt,
        kind=KINDS[row.kind],
        subscriber=row.subscriber_id,
        consent_version=row.consent_version,
        address=row.address or "",
        preferences=read_row(row)[0],
        period=row.key,
        covers_from=row.covers_from,
        message_id=row.message_id,
        envelope_from=envelope_from,
        picks=readable_picks(row.picks),
        dated_us=dated_us if row.dated_us is None else row.dated_us,
        failures=row.failures,
        planned_us=planned_us(row.history),
        facts=DigestFacts(
            considered=row.considered,
            coverage=coverage(row.coverage),
            occasions=occasions(row.occasions),
            most_read=unpack_most_read(row.occasions),
            news=unpack_news(row.picks),
        ),
    )


_STATE = core.delivery.c.state
AT_WORK = or_(*(literal_column(f"'{state}'") == _STATE for state in STATES))
"""Condition of the index of open work, to be narrowed further."""
UNCERTAIN = literal_column(f"'{State.UNCERTAIN}'") == _STATE


def force_index_scans(session: Session) -> None:
    """Let PostgreSQL go by its indexes until the transaction ends.

    It keeps a plan for as long as a connection lasts. One made while there were few deliveries would walk through all
    of them for every mail once they are many.
    """
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        with driver(connection) as cursor:
            cursor().execute("SET LOCAL enable_seqscan = off")
