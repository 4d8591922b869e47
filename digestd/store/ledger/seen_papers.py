"""Papers that each subscriber has received.

One packed row, equal to the picks of live and sent digests.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import bindparam, func, insert, select, update
from sqlmodel import Session

from digestd.domain.delivery import UNSENT, MailKind, State
from digestd.store import core
from digestd.store.bulk import BulkStatement, KeyLookup
from digestd.store.packing import pack_seen, planned_us, readable_picks, readable_seen


def of(session: Session, subscribers: Sequence[int]) -> dict[int, NDArray[np.uint32]]:
    """Return the seen papers of each subscriber; absent if there are none."""
    query = select(core.seen_papers).where(core.seen_papers.c.subscriber_id.in_(subscribers))
    return {row.subscriber_id: readable_seen(row.papers) for row in session.connection().execute(query)}


def _locked(session: Session, subscribers: Iterable[int]) -> dict[int, NDArray[np.uint32]]:
    """Return the seen papers like `of`, and lock the rows for a change."""
    return {who: readable_seen(papers) for who, papers in _LOCKED.rows(session, list(subscribers))}


_LOCKED = KeyLookup(
    select(core.seen_papers).order_by(core.seen_papers.c.subscriber_id).with_for_update(),
    core.seen_papers.c.subscriber_id,
)


def add(session: Session, papers: Mapping[int, Sequence[int]]) -> None:
    """Add the papers of new digests."""
    had = _locked(session, papers)
    _INSERT.run(session, ((who, pack_seen(new)) for who, new in papers.items() if who not in had))
    _REPLACE.run(session, ((pack_seen(new, had[who]), who) for who, new in papers.items() if who in had))


def return_papers(session: Session, deliveries: Iterable[int]) -> None:
    """Make the papers of unsent digests available again.

    Call it after the deliveries' states were written: what was planned last is then looked up again.
    """
    query = select(core.delivery.c.subscriber_id, core.delivery.c.picks).where(
        core.delivery.c.id.in_(list(deliveries)), core.delivery.c.kind == MailKind.DIGEST
    )
    returned: dict[int, set[int]] = {}
    for row in session.connection().execute(query):
        returned.setdefault(row.subscriber_id, set()).update(pick.paper for pick in readable_picks(row.picks))
    _lock_subscribers(session, returned)
    had = _locked(session, returned)
    _REPLACE.run(session, ((pack_seen(set(had[who].tolist()) - returned[who]), who) for who in had))
    look_back(session, sorted(returned))


def _lock_subscribers(session: Session, subscribers: Iterable[int]) -> None:
    """Lock subscribers by number, in the order planning uses, to avoid deadlocks."""
    key = core.subscriber.c.id
    session.connection().execute(select(key).where(key.in_(list(subscribers))).order_by(key).with_for_update()).all()


def look_back(session: Session, subscribers: Sequence[int], *, beyond_empty: bool = False) -> None:
    """Reset each subscriber's last planning to that of the newest live or sent digest.

    `beyond_empty`: the newest is empty and does not count, as it is to be planned again.
    """
    delivery = core.delivery.c
    theirs = delivery.subscriber_id.in_(subscribers), delivery.kind == MailKind.DIGEST
    standing = select(func.max(delivery.id)).where(*theirs, delivery.state.not_in(sorted(UNSENT)))
    newest = standing.group_by(delivery.subscriber_id)
    if beyond_empty:
        empty = select(func.max(delivery.id)).where(*theirs, delivery.state == State.EMPTY)
        newest = standing.where(delivery.id.not_in(empty.group_by(delivery.subscriber_id))).group_by(
            delivery.subscriber_id
        )
    query = select(delivery.subscriber_id, delivery.history).where(delivery.id.in_(newest))
    planned = {row.subscriber_id: planned_us(row.history) for row in session.connection().execute(query)}
    rows = [{"who": who, "planned": planned.get(who)} for who in subscribers]
    core.execute_many(session, _PLANNED, rows)


_PLANNED = (
    update(core.subscriber)
    .where(core.subscriber.c.id == bindparam("who"))
    .values(last_planned_us=bindparam("planned"), horizon=None)
)

_INSERT = BulkStatement(insert(core.seen_papers), ("subscriber_id", "papers"))
_REPLACE = BulkStatement(
    update(core.seen_papers)
    .where(core.seen_papers.c.subscriber_id == bindparam("who"))
    .values(papers=bindparam("held")),
    ("held", "who"),
)
