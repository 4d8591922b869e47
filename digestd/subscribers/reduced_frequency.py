"""Less instead of nothing: once a week, fewer papers, or coming back after all."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from digestd.domain.mail_budget import Pool
from digestd.domain.subscriber import Cadence, ConsentAction, Status, Subscriber
from digestd.store import subscribers
from digestd.store.database import Database
from digestd.subscribers.notices import NoticeContext
from digestd.subscribers.signup import send_owner_confirmation
from digestd.subscribers.status_changes import undo_unsubscribe

FEWER = 5
BREAK = timedelta(days=28)
"""How long the pause is that whoever wants to leave is offered."""


def weekly(db: Database, subscriber: int, now: datetime) -> bool:
    """One digest a week from now on; False for who gets none."""
    return _change(db, subscriber, _once_a_week, now)


def _once_a_week(known: Subscriber) -> Subscriber:
    return replace(known, timing=replace(known.timing, cadence=Cadence.WEEKLY))


def fewer(db: Database, subscriber: int, now: datetime) -> bool:
    """Half the papers, at most FEWER; False for who gets none."""
    return _change(db, subscriber, lambda known: replace(known, size=max(1, min(FEWER, known.size // 2))), now)


def _change(db: Database, subscriber: int, change: Callable[[Subscriber], Subscriber], now: datetime) -> bool:
    with db.write() as session:
        known = subscribers.by_key(session, subscriber, lock=True)
        if known is None or known.status not in {Status.ACTIVE, Status.PAUSED}:
            return False
        if change(known) != known:
            subscribers.update_many(session, [change(known)], now)
        return True


def return_or_ask(
    db: Database, notices: NoticeContext, subscriber: int, act: ConsentAction, now: datetime, pool: Pool
) -> bool:
    """Come back: at once within an hour of leaving, later by a mail that asks. Whether they are back.

    `pool` is the budget of that mail: that of strangers for a link that travels with every forwarded digest.
    """
    if undo_unsubscribe(db, subscriber, act, now):
        return True
    with db.write() as session:
        known = subscribers.by_key(session, subscriber, lock=True)
        if known is not None and known.status is Status.UNSUBSCRIBED:
            send_owner_confirmation(session, notices, known, (None, act), now, pool)
    return False
