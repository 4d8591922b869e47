"""Correct when subscribers are due: after a pause, and after a clock that was ahead."""

from datetime import datetime

import structlog

from digestd.domain import schedule
from digestd.store import due as due_subscribers
from digestd.store import subscribers
from digestd.store.database import Database
from digestd.store.due import FutureDue
from digestd.store.timestamps import to_us

BLOCK = 400
"""Subscribers per transaction."""
log = structlog.get_logger(__name__)


def end_pauses(db: Database, now: datetime) -> None:
    """Reactivate subscribers whose pause is over."""
    while _any_pause_is_over(db, now):
        with db.write() as session:
            subscribers.end_pauses(session, BLOCK, now)


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
            wrong = {
                due.key: _corrected(due, now)
                for due in later
                if due.next_due_us > to_us(schedule.next_due(due.timing, now))
            }
            due_subscribers.reschedule(session, wrong, now)
        corrected, after = corrected + len(wrong), later[-1].key
    if corrected:
        log.error(
            "digests were planned while the clock was ahead, or it is behind now; corrected the schedules",
            subscribers=corrected,
        )
    return corrected


def _corrected(due: FutureDue, now: datetime) -> tuple[str | None, datetime]:
    """Return the last date with a digest and the next due time."""
    today = schedule.local_date(due.timing, now).isoformat()
    was_ahead = due.last_date is not None and due.planned_us is not None and due.planned_us > to_us(now)
    last_date = min(due.last_date, today) if due.last_date is not None and was_ahead else due.last_date
    return last_date, schedule.first_due(due.timing, now, last_date)


def _any_pause_is_over(db: Database, now: datetime) -> bool:
    with db.read() as session:
        return subscribers.is_any_pause_over(session, now)
