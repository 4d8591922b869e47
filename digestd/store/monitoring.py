"""What operators read: counts of alerts and inbound mails, and what the service did lately.

Alerts keep the count of their last check, so that only one worker alerts, and only when there are more. Inbound counts
show that bounces are read.

No query scans the ledger: open deliveries have an index of their own, and recent ones are the end of the ledger, whose
start is found by bisection.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import case, func, literal_column, select, update
from sqlmodel import Session

from digestd.domain.bounce import BounceKind, InboundOutcome
from digestd.domain.delivery import MailKind, State
from digestd.domain.interest import POSITIVE_VERDICTS
from digestd.domain.subscriber import Status
from digestd.store import core
from digestd.store.ledger.claim_queue import AT_WORK, UNCERTAIN
from digestd.store.ledger.queries import IS_UNANSWERED, by_state
from digestd.store.timestamps import from_us, to_us
from digestd.text.sanitise import without_addresses

_ALERT = core.alert_state.c
MAILS_HELD = "mails held"
"""The event of templates that fail; see delivery.preflight."""


def last_count(session: Session, event: str) -> int:
    """Return the count at the last check; 0 before the first."""
    return int(session.connection().execute(select(_ALERT.known).where(_ALERT.event == event)).scalar() or 0)


def count_if_more(session: Session, event: str, found: Callable[[], int]) -> int:
    """Store the current count in the caller's write transaction; return it if it has grown, else 0.

    `found` is called while the row is locked, so that an older count never replaces a newer one.
    """
    connection = session.connection()
    connection.execute(core.upsert(session, core.alert_state).values(event=event, known=0).on_conflict_do_nothing())
    own = _ALERT.event == event
    before = connection.execute(select(_ALERT.known).where(own).with_for_update()).scalar_one()
    now = found()
    connection.execute(update(core.alert_state).where(own).values(known=now))
    return now if now > before else 0


_I = core.inbound_count.c


def add_inbound_counts(session: Session, outcomes: Mapping[InboundOutcome, int], now: datetime) -> None:
    """Add to the counts in the caller's write transaction."""
    for outcome in sorted(outcomes):
        row = {"outcome": outcome, "total": outcomes[outcome], "last_us": to_us(now)}
        more = {"total": _I.total + outcomes[outcome], "last_us": to_us(now)}
        statement = core.upsert(session, core.inbound_count).values(row)
        session.connection().execute(statement.on_conflict_do_update(index_elements=["outcome"], set_=more))


def inbound_counts(session: Session) -> dict[InboundOutcome, int]:
    found = {InboundOutcome(row.outcome): row.total for row in session.connection().execute(select(core.inbound_count))}
    return dict.fromkeys(InboundOutcome, 0) | found


def last_inbound(session: Session, *outcomes: InboundOutcome) -> datetime | None:
    """Return when anything last came in with one of these outcomes; with any, if none is given."""
    wanted = _I.outcome.in_(outcomes or InboundOutcome)
    newest = session.connection().execute(select(func.max(_I.last_us)).where(wanted)).scalar()
    return None if newest is None else from_us(newest)


_D, _S, _B, _F = core.delivery.c, core.subscriber.c, core.bounce.c, core.feedback.c
_IS_ACTIVE = _S.status == literal_column(f"'{Status.ACTIVE}'")
"""Written like the condition of the partial index; SQLite does not match a parameter to it."""
_DUE = select(func.count()).select_from(core.subscriber).where(_IS_ACTIVE)
_NEXT = select(func.min(_S.next_due_us)).where(_IS_ACTIVE)
LATE = timedelta(days=3)
"""A delivery is sent at most this long after it was planned."""
_HOUR_US, _DAY_US = 3_600_000_000, 86_400_000_000
_REASONS = 20


@dataclass(frozen=True, slots=True)
class WaitingMails:
    """Mails that wait for the same reason.

    Attributes:
        reply: what the relay said about one of them last; empty if none was tried.
        first, last: the earliest and the latest time of the next attempt.
        since: when the oldest was planned.
    """

    mails: int
    reply: str
    first: datetime
    last: datetime
    since: datetime


class DueTimes(NamedTuple):
    """How many active subscribers are due now and soon; when the first of those due was, and when the next one is."""

    due: int
    soon: int
    first: datetime | None
    following: datetime | None


def first_delivery_since(session: Session, since: datetime) -> int:
    """Return the number of the first delivery that was due at `since` or later, give or take those out of order."""
    connection, at_us = session.connection(), to_us(since)
    low, high = 1, int(connection.execute(select(func.coalesce(func.max(_D.id), 0))).scalar_one()) + 1
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(select(_D.id, _D.due_us).where(_D.id >= middle).order_by(_D.id).limit(1)).first()
        if row is not None and row.due_us < at_us:
            low = row.id + 1
        else:
            high = middle
    return low


def digests_due_since(session: Session, since: datetime) -> dict[State, int]:
    """Return the number of digests that were due at `since` or later, by state."""
    query = (
        select(_D.state, func.count())
        .where(_D.id >= first_delivery_since(session, since), _D.kind == MailKind.DIGEST, _D.due_us >= to_us(since))
        .group_by(_D.state)
    )
    return by_state(session.connection().execute(query).all())


def count_unanswered(session: Session, since: datetime) -> int:
    """Count the digests due at `since` or later that are empty because no source answered."""
    query = select(func.count()).where(
        _D.id >= first_delivery_since(session, since),
        _D.kind == MailKind.DIGEST,
        _D.due_us >= to_us(since),
        *IS_UNANSWERED,
    )
    return int(session.connection().execute(query).scalar_one())


def sent_per_hour(session: Session, since: datetime) -> dict[datetime, int]:
    """Return the number of mails that a relay accepted in each hour from `since` on; hours without any are left out."""
    hour = (_D.closed_us - _D.closed_us % _HOUR_US).label("hour")
    query = (
        select(hour, func.count())
        .where(
            _D.id >= first_delivery_since(session, since - LATE),
            _D.state == State.ACCEPTED,
            _D.closed_us >= to_us(since),
        )
        .group_by(hour)
        .order_by(hour)
    )
    return {from_us(row[0]): row[1] for row in session.connection().execute(query)}


def count_sent(session: Session, since: datetime) -> int:
    """Return the number of mails that a relay accepted from `since` on."""
    query = select(func.count()).where(
        _D.id >= first_delivery_since(session, since - LATE),
        _D.state == State.ACCEPTED,
        _D.closed_us >= to_us(since),
    )
    return int(session.connection().execute(query).scalar_one())


def waiting(session: Session) -> list[WaitingMails]:
    """Return the mails that are ready to be sent, by the relay's last reply, most frequent first."""
    query = (
        select(
            func.count().label("mails"),
            _D.reply_code,
            func.max(_D.reply_text).label("text"),
            func.min(_D.not_before_us).label("first"),
            func.max(_D.not_before_us).label("last"),
            func.min(func.coalesce(core.due_audit.c.at_us, _D.due_us)).label("since"),
        )
        .select_from(core.delivery.outerjoin(core.due_audit, core.due_audit.c.id == _D.audit_id))
        .where(AT_WORK, _D.state == State.READY)
        .group_by(_D.reply_code)
        .order_by(func.count().desc())
        .limit(_REASONS)
    )
    return [
        WaitingMails(
            row.mails,
            "" if row.reply_code is None else f"{row.reply_code} {without_addresses(row.text or '')}".strip(),
            from_us(row.first),
            from_us(row.last),
            from_us(row.since),
        )
        for row in session.connection().execute(query)
    ]


def open_deliveries_by_state(session: Session) -> dict[State, int]:
    """Return the number of deliveries that are not finished: at work, or uncertain."""
    connection = session.connection()
    found = by_state(connection.execute(_AT_WORK).all())
    found[State.UNCERTAIN] = connection.execute(_UNCERTAIN).scalar_one()
    return {state: count for state, count in found.items() if count or state is State.UNCERTAIN}


_AT_WORK = select(_D.state, func.count()).where(AT_WORK).group_by(_D.state)
_UNCERTAIN = select(func.count()).select_from(core.delivery).where(UNCERTAIN)


def bounces_per_day(session: Session, since: datetime) -> dict[date, Counter[BounceKind]]:
    """Return the number of bounces of each kind per UTC day from `since` on; days without any are left out."""
    day = (_B.at_us - _B.at_us % _DAY_US).label("day")
    query = select(day, _B.kind, func.count()).where(_B.at_us >= to_us(since)).group_by(day, _B.kind).order_by(day)
    found: dict[date, Counter[BounceKind]] = {}
    for at_us, kind, count in session.connection().execute(query):
        found.setdefault(_day(at_us), Counter())[BounceKind(kind)] = count
    return found


def active_changes_per_day(session: Session, since: datetime) -> dict[date, int]:
    """Return by how many the active subscribers grew on each UTC day from `since` on; days without change left out."""
    c = core.consent_event.c
    before = func.lag(c.status).over(partition_by=c.subscriber_id, order_by=c.version)
    events = select(c.at_us, c.status, before.label("before")).subquery()
    day = (events.c.at_us - events.c.at_us % _DAY_US).label("day")
    change = func.sum(_is_active(events.c.status) - _is_active(func.coalesce(events.c.before, "")))
    query = select(day, change).where(events.c.at_us >= to_us(since)).group_by(day).order_by(day)
    return {_day(at_us): int(count) for at_us, count in session.connection().execute(query) if count}


def verdicts_per_week(session: Session, since: datetime) -> dict[date, tuple[int, int]]:
    """Return the number of positive verdicts and of all verdicts on papers, per week from `since` on.

    Weeks are named by their Monday. Verdicts that were taken back do not count.
    """
    day = (_F.at_us - _F.at_us % _DAY_US).label("day")
    positive = func.sum(case((_F.verdict.in_(sorted(POSITIVE_VERDICTS)), 1), else_=0))
    query = select(day, positive, func.count()).where(_F.at_us >= to_us(since), _F.undone_us.is_(None)).group_by(day)
    found: dict[date, tuple[int, int]] = {}
    for at_us, liked, count in session.connection().execute(query):
        monday = _day(at_us) - timedelta(days=_day(at_us).weekday())
        before = found.get(monday, (0, 0))
        found[monday] = before[0] + int(liked), before[1] + int(count)
    return dict(sorted(found.items()))


def due_times(session: Session, now: datetime, until: datetime) -> DueTimes:
    """Return how many active subscribers are due at `now`, and how many more until a later time."""
    connection = session.connection()
    is_due = _S.next_due_us <= to_us(now)
    due = connection.execute(_DUE.where(is_due)).scalar_one()
    soon = connection.execute(_DUE.where(~is_due, _S.next_due_us <= to_us(until))).scalar_one()
    first = connection.execute(_NEXT.where(is_due)).scalar_one()
    following = connection.execute(_NEXT.where(~is_due)).scalar_one()
    return DueTimes(due, soon, _instant(first), _instant(following))


def _is_active(status: core.Condition) -> core.Condition:
    return case((status == Status.ACTIVE, 1), else_=0)


def _day(at_us: int) -> date:
    return from_us(at_us).astimezone(UTC).date()


def _instant(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
