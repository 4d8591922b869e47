"""Correct when subscribers are due: after a pause, an empty digest, or a clock that was ahead."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

import structlog
from sqlmodel import Session

from digestd.domain import schedule
from digestd.domain.digest import Period
from digestd.domain.subscriber import Timing
from digestd.store import clock, subscribers
from digestd.store import due as due_subscribers
from digestd.store.database import Database
from digestd.store.due import EmptyDay, FutureDue
from digestd.store.ledger.seen_papers import look_back
from digestd.store.timestamps import to_us

BLOCK = 400
"""Subscribers per transaction."""
AUDIT_EVERY = timedelta(hours=1)
PAUSE_MOVED = timedelta(days=8)
"""A clock that moved by more ends no pause at once; one machine may run digestd once a week."""
CORRECTED = "{} subscribers were rescheduled, as after a clock that was ahead; check that it is right now"
log = structlog.get_logger(__name__)


def update_schedules(db: Database, now: datetime, *, is_clock: bool = True) -> int:
    """Bring up to date who is due, before each planning.

    Args:
        is_clock: `now` is what the clock says; another time tells nothing of the clock and of stored due times.

    Returns:
        How many schedules were corrected, because the clock had been ahead when they were made.
    """
    end_pauses(db, clock.note(db, now).settled(now, PAUSE_MOVED) if is_clock else now)
    corrected = correct_schedules(db, now) if is_clock else 0
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
    """Correct due times that are later than the schedules say, and return how many.

    A stored due time is a hint; a clock that was ahead may have written it. All are compared once an hour, and at once
    if the clock was set back. Nobody gets a second digest today, as the one that was planned for a later date may have
    come today. Its date is skipped, because a digest of that date exists; the next one covers it.
    """
    with db.read() as session:
        audited = clock.read(session).audited
    if audited is not None and timedelta() <= now - audited < AUDIT_EVERY:
        return 0
    corrected, after = 0, 0
    while later := _due_later(db, after, now):
        if any(_is_too_late(due, now) for due in later):
            with db.write() as session:
                found = due_subscribers.due_later(session, after, BLOCK, now, lock=True)
                wrong = {due.key: _corrected(due, now) for due in found if _is_too_late(due, now)}
                due_subscribers.reschedule(session, wrong, now)
            corrected += len(wrong)
        after = later[-1].key
    with db.write() as session:
        clock.write(session, clock.ClockReadings(audited=now, corrected=now if corrected else None))
    if corrected:
        log.error(
            "the clock was ahead when digests were planned, or is behind now; corrected who is due",
            subscribers=corrected,
        )
    return corrected


def _due_later(db: Database, after: int, now: datetime) -> list[FutureDue]:
    with db.read() as session:
        return due_subscribers.due_later(session, after, BLOCK, now)


def _is_too_late(due: FutureDue, now: datetime) -> bool:
    return not isinstance(due.next_due_us, int) or due.next_due_us > _latest(due.timing, due.last_date, now)


@lru_cache(maxsize=2_000)
def _latest(timing: Timing | None, last_date: str | None, now: datetime) -> int:
    """Return the latest due time that is right; cached, because many subscribers share a timing."""
    later = now + due_subscribers.AHEAD + clock.SKEW  # digests are planned so long before they are due
    following = now + due_subscribers.LONGEST if timing is None else schedule.first_due(timing, later, last_date)
    return to_us(max(following, later + due_subscribers.RETRY_AFTER))


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
