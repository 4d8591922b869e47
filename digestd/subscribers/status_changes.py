"""Change a subscriber's status: unsubscribe, pause, resume, come back. And reduce the digest instead of ending it.

A change takes effect when it commits: no mail passes the commit point after that.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from digestd.domain.mail_budget import Pool
from digestd.domain.subscriber import Cadence, Cause, ConsentAction, Preferences, Status, Subscriber
from digestd.errors import BadInput, DigestdError
from digestd.store import consent, subscribers, suppressions
from digestd.store.database import Database
from digestd.subscribers.lookup import load_locked
from digestd.subscribers.notices import NoticeContext
from digestd.subscribers.signup import send_owner_confirmation

FEWER = 5
BREAK = timedelta(days=28)
"""The length of the pause that is offered to someone who is about to unsubscribe."""
UNDO_WITHIN = timedelta(hours=1)
_PAUSE_MAX = timedelta(days=366)
_CAN_UNSUBSCRIBE = frozenset({Status.PENDING, Status.ACTIVE, Status.PAUSED, Status.SUPPRESSED})
_BAD_PAUSE_END = "a pause must end on a future day, within a year; choose another day"
By = tuple[Cause | ConsentAction, datetime]
"""The cause of a status change, and its time."""


class NoConsent(DigestdError):
    """The subscriber has not consented to this, so only they can do it."""


def unsubscribe(db: Database, subscriber: int, by: Cause | ConsentAction, now: datetime) -> bool:
    """Unsubscribe, and return False if the subscription had already ended. Raises NotFound."""
    with db.write() as session:
        return unsubscribe_in_session(session, subscriber, (by, now))


def unsubscribe_in_session(session: Session, subscriber: int, by: By) -> bool:
    """Unsubscribe as `unsubscribe` does, in the caller's write transaction.

    A suppressed subscriber is unsubscribed too: lifting a suppression restores the status from before.
    """
    known = load_locked(session, subscriber)
    return known.status in _CAN_UNSUBSCRIBE and _change(session, known, Status.UNSUBSCRIBED, by)


def pause(
    db: Database, subscriber: int, by: Cause | ConsentAction, now: datetime, until: datetime | None = None
) -> bool:
    """Pause the digest until a time, or until `resume`.

    Returns:
        False if it was paused before; then only the end of the pause changes.

    Raises:
        NoConsent: the subscriber is neither active nor paused.
        BadInput: `until` is in the past or more than a year ahead.
        NotFound: there is no such subscriber.
    """
    with db.write() as session:
        return pause_in_session(session, subscriber, (by, now), until)


def pause_in_session(session: Session, subscriber: int, by: By, until: datetime | None) -> bool:
    """Pause as `pause` does, in the caller's write transaction."""
    if until is not None:
        check_pause_end(until, by[1])
    changed = _switch(session, subscriber, (Status.ACTIVE, Status.PAUSED), by)
    subscribers.set_pause_end(session, subscriber, until)
    return changed


def pause_end(subscriber: Subscriber, day: date) -> datetime:
    """Return the start of a day in the subscriber's time zone. Raises BadInput if UTC cannot express it."""
    try:
        return datetime.combine(day, time(), tzinfo=ZoneInfo(subscriber.timing.timezone)).astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar
        raise BadInput(_BAD_PAUSE_END) from None


def check_pause_end(until: datetime, now: datetime) -> None:
    """Raise BadInput if a pause would end in the past or more than a year ahead."""
    if not now < until <= now + _PAUSE_MAX:
        raise BadInput(_BAD_PAUSE_END)


def resume(db: Database, subscriber: int, by: Cause | ConsentAction, now: datetime) -> bool:
    """Resume after a pause, and return False if already active. Raises NoConsent, NotFound."""
    with db.write() as session:
        return _switch(session, subscriber, (Status.PAUSED, Status.ACTIVE), (by, now))


def undo_unsubscribe(db: Database, subscriber: int, act: ConsentAction, now: datetime) -> bool:
    """Undo an accidental unsubscribe within an hour.

    Return True if the subscriber is active.

    Later the link in an old mail is not enough proof, as others may hold it: the subscriber is asked by mail.
    """
    with db.write() as session:
        known = load_locked(session, subscriber)
        events = consent.history(session, subscriber)
        if known.status is not Status.UNSUBSCRIBED or now - events[-1].at > UNDO_WITHIN:
            return known.status is Status.ACTIVE
        if suppressions.reason_for(session, subscribers.address_key_of(session, subscriber)) is not None:
            return False
        before = events[-2].status if len(events) > 1 else Status.PENDING
        if before not in {Status.ACTIVE, Status.PAUSED}:
            return False
        subscribers.change_status(session, subscriber, Status.ACTIVE, act, now)
        return True


def _switch(session: Session, subscriber: int, step: tuple[Status, Status], by: By) -> bool:
    """Change from the first status of `step` to the second. Raise NoConsent in any other status."""
    known = load_locked(session, subscriber)
    if known.status not in step:
        raise NoConsent(f"the subscriber is {known.status}, not {step[0]}; only they can sign up again")
    return _change(session, known, step[1], by)


def _change(session: Session, known: Subscriber, to: Status, by: By) -> bool:
    return subscribers.change_status(session, known.key, to, *by).version > known.version


def weekly(db: Database, subscriber: int, now: datetime) -> bool:
    """Switch to one digest a week. Returns False for a subscriber who gets no digests."""
    return _change_preferences(db, subscriber, lambda _known: {"cadence": Cadence.WEEKLY}, now)


def fewer(db: Database, subscriber: int, now: datetime) -> bool:
    """Halve the number of papers, to at most FEWER. Returns False for a subscriber who gets no digests."""
    return _change_preferences(db, subscriber, lambda known: {"size": max(1, min(FEWER, known.size // 2))}, now)


def _change_preferences(
    db: Database, subscriber: int, change: Callable[[Preferences], Mapping[str, object]], now: datetime
) -> bool:
    with db.write() as session:
        known = subscribers.by_key(session, subscriber, lock=True)
        if known is None or known.status not in {Status.ACTIVE, Status.PAUSED}:
            return False
        changed = known.preferences.model_copy(update=change(known.preferences))
        if changed != known.preferences:
            subscribers.update_many(session, [replace(known, preferences=changed)], now)
        return True


def return_or_ask(
    db: Database, notices: NoticeContext, subscriber: int, act: ConsentAction, now: datetime, pool: Pool
) -> bool:
    """Reactivate an unsubscribed subscriber: at once within an hour of leaving, later by a confirmation mail.

    Args:
        pool: the budget of that mail; STRANGER for a link that travels with every forwarded digest.

    Returns:
        True if the subscriber is active now.
    """
    if undo_unsubscribe(db, subscriber, act, now):
        return True
    with db.write() as session:
        known = subscribers.by_key(session, subscriber, lock=True)
        if known is not None and known.status is Status.UNSUBSCRIBED:
            send_owner_confirmation(session, notices, known, (None, act), now, pool)
    return False
