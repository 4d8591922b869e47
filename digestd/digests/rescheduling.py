"""Correct when subscribers are due: after a pause, an empty digest, or a clock that was ahead."""

from collections.abc import Sequence
from datetime import date, datetime

import structlog
from sqlmodel import Session

from digestd.domain import schedule
from digestd.domain.digest import Period
from digestd.store import due as due_subscribers
from digestd.store import subscribers
from digestd.store.database import Database
from digestd.store.due import EmptyDay, FutureDue
from digestd.store.ledger.seen_papers import look_back
from digestd.store.timestamps import to_us

BLOCK = 400
"""Subscribers per transaction."""
log = structlog.get_logger(__name__)


def update_schedules(db: Database, now: datetime) -> int:
    """Bring up to date who is due, before each planning.

    Return how many schedules were corrected, because the clock had been ahead when they were made.
    """
    end_pauses(db, now)
    corrected = correct_schedules(db, now)
    reopen_empty_days(db, now)
    return corrected


def end_pauses(db: Database, now: datetime) -> None:
    while _any_pause_is_over(db, now):
        with db.write() as session:
            subscribers.end_pauses(session, BLOCK, now)


def reopen_empty_days(db: Database, now: datetime) -> None:
    """Make subscribers due again whose digest of today is empty, if papers came since.

    It is as if it had never been planned, so the next planning fills the same ledger row. Nobody gets two digests on
    one date: an empty one is no mail, and after the day's end, or in another time zone, it stays empty.
    """
    while True:
        with db.read() as session:
            if not due_subscribers.empty_days_with_news(session, 1, now):
                return
        with db.write() as session:
            _reopen(session, due_subscribers.empty_days_with_news(session, BLOCK, now), now)


def reopen_empty_day(session: Session, subscriber: int, now: datetime) -> None:
    """Do the same for one subscriber, whether papers came or not."""
    _reopen(session, due_subscribers.empty_day(session, subscriber, now), now)


def _reopen(session: Session, found: Sequence[EmptyDay], now: datetime) -> None:
    latest = now + due_subscribers.AHEAD  # the digest of a day may be planned shortly before it begins
    # an earlier date: this was done already, by a clock that was ahead
    today = {day.key: day for day in found if schedule.local_date(day.timing, latest).isoformat() >= day.last_date}
    due_subscribers.close_empty_days(session, [day.key for day in found if day.key not in today])
    look_back(session, sorted(today), beyond_empty=True)
    periods = {key: schedule.newest_due(day.timing, latest) for key, day in today.items()}
    again = {key: (_date_before(today[key], period), max(now, period.due)) for key, period in periods.items()}
    due_subscribers.plan_again(session, again)


def _date_before(day: EmptyDay, period: Period) -> str:
    """Return a date since which no other digest was planned; a weekly one may be planned days late."""
    return (min(date.fromisoformat(day.last_date), period.date) - due_subscribers.DAY).isoformat()


def correct_schedules(db: Database, now: datetime) -> int:
    """Correct the schedules that were made while the clock was ahead, and return how many.

    Nobody gets a second digest today, as the one that was planned for a later date may have come today. Its date is
    skipped, because a digest of that date exists; the next one covers it.
    """
    with db.read() as session:
        if not due_subscribers.was_clock_ahead(session, now):
            return 0
    corrected, after = 0, 0
    while True:
        with db.write() as session:
            later = due_subscribers.due_later(session, after, BLOCK, now)
            if not later:
                due_subscribers.mark_clock_correct(session, now)
                break
            wrong = {due.key: _corrected(due, now) for due in later if _is_too_late(due, now)}
            due_subscribers.reschedule(session, wrong, now)
        corrected, after = corrected + len(wrong), later[-1].key
    if corrected:
        log.error(
            "digests were planned while the clock was ahead, or it is behind now; corrected the schedules",
            subscribers=corrected,
        )
    return corrected


def _is_too_late(due: FutureDue, now: datetime) -> bool:
    latest = now + due_subscribers.LONGEST if due.timing is None else schedule.next_due(due.timing, now)
    return not isinstance(due.next_due_us, int) or due.next_due_us > to_us(latest)


def _corrected(due: FutureDue, now: datetime) -> tuple[str | None, datetime]:
    """Return the last date with a digest and the next due time. Whose timing cannot be read is due now, and named."""
    if due.timing is None:
        return due.last_date, now
    today = schedule.local_date(due.timing, now).isoformat()
    was_ahead = due.last_date is not None and due.planned_us is not None and due.planned_us > to_us(now)
    last_date = min(due.last_date, today) if due.last_date is not None and was_ahead else due.last_date
    return last_date, schedule.first_due(due.timing, now, last_date)


def _any_pause_is_over(db: Database, now: datetime) -> bool:
    with db.read() as session:
        return subscribers.is_any_pause_over(session, now)
