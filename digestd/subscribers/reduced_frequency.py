"""Reduce the digest instead of ending it, and come back after unsubscribing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from digestd.domain.mail_budget import Pool
from digestd.domain.subscriber import Cadence, ConsentAction, Preferences, Status
from digestd.store import subscribers
from digestd.store.database import Database
from digestd.subscribers.notices import NoticeContext
from digestd.subscribers.signup import send_owner_confirmation
from digestd.subscribers.status_changes import undo_unsubscribe

FEWER = 5
BREAK = timedelta(days=28)
"""The length of the pause that is offered to someone who is about to unsubscribe."""


def weekly(db: Database, subscriber: int, now: datetime) -> bool:
    """Switch to one digest a week. Returns False for a subscriber who gets no digests."""
    return _change(db, subscriber, lambda _known: {"cadence": Cadence.WEEKLY}, now)


def fewer(db: Database, subscriber: int, now: datetime) -> bool:
    """Halve the number of papers, to at most FEWER.

    Returns False for a subscriber who gets no digests.
    """
    return _change(db, subscriber, lambda known: {"size": max(1, min(FEWER, known.size // 2))}, now)


def _change(
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
    """Reactivate an unsubscribed subscriber.

    At once within an hour of leaving, later by a confirmation mail.

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
