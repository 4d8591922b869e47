"""Papers that each subscriber has received: one packed row, equal to the picks of live and sent digests and
programmes.

A database that was restored lacks the papers that arrived since, but the sent journal has hashes of their ids. Once a
source reports them again, they count as seen. They are expected for as long as they could be news.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlmodel import Session

from digestd.domain.delivery import PICKED, UNSENT, MailKind, State
from digestd.store import core, papers, saved_news
from digestd.store.bulk import BulkStatement, KeyLookup
from digestd.store.ledger.packing import pack_seen, planned_us, readable_picks, readable_seen, unpack_news
from digestd.store.timestamps import to_us

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
    had = _locked(session, papers)
    _INSERT.run(session, ((who, pack_seen(new)) for who, new in papers.items() if who not in had))
    _REPLACE.run(session, ((pack_seen(new, had[who]), who) for who, new in papers.items() if who in had))


def return_papers(session: Session, deliveries: Iterable[int]) -> None:
    """Make the papers and news of unsent digests available again.

    Call it after the deliveries' states were written: what was planned last is then looked up again.
    """
    delivery = core.delivery.c
    query = select(delivery.id, delivery.subscriber_id, delivery.picks).where(
        delivery.id.in_(list(deliveries)), delivery.kind.in_(sorted(PICKED))
    )
    returned: dict[int, set[int]] = {}
    known: dict[int, tuple[int, int]] = {}
    for row in session.connection().execute(query.order_by(delivery.id.desc())):
        returned.setdefault(row.subscriber_id, set()).update(pick.paper for pick in readable_picks(row.picks))
        known |= {one.saved: (row.id, one.known) for one in unpack_news(row.picks)}
    key = core.subscriber.c.id  # locked in the order that planning uses, to avoid deadlocks
    session.connection().execute(select(key).where(key.in_(list(returned))).order_by(key).with_for_update()).all()
    had = _locked(session, returned)
    _REPLACE.run(session, ((pack_seen(set(had[who].tolist()) - returned[who]), who) for who in had))
    told = _last_told(session, returned, min(by for by, _ in known.values())) if known else {}
    again = {saved: former for saved, (by, former) in known.items() if told.get(saved, 0) < by}
    saved_news.set_known(session, again)
    look_back(session, sorted(returned))


def _last_told(session: Session, subscribers: Iterable[int], after: int) -> dict[int, int]:
    """Return the newest live or sent digest after one that told of each saved paper, by the number of the event."""
    delivery = core.delivery.c
    query = select(delivery.id, delivery.picks).where(
        delivery.subscriber_id.in_(list(subscribers)),
        delivery.id > after,
        delivery.kind == MailKind.DIGEST,
        delivery.state.not_in(sorted(UNSENT)),
    )
    rows = session.connection().execute(query.order_by(delivery.id)).all()
    return {one.saved: row.id for row in rows for one in unpack_news(row.picks)}


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


_HASH = 6
"""Bytes of a hash."""
EXPECTED = timedelta(days=10)
"""Longer than a paper is news."""
KNOWN_SINCE = timedelta(days=30)
"""The papers in a mail of the last days were first seen later than this."""
_R = core.returning_papers.c


def hash_paper(paper_id: str) -> bytes:
    """Return the hash of a paper's id. It has no zero byte, so that some of them can be padded with those."""
    return blake2b(paper_id.encode(), digest_size=_HASH).digest().replace(b"\0", b"\1")


def split_hashes(joined: bytes) -> Iterator[bytes]:
    for begin in range(0, len(joined), _HASH):
        yield joined[begin : begin + _HASH]


def known_hashes(session: Session, now: datetime) -> dict[bytes, int]:
    """Return the row number of each recent paper by the hash of each of its identifiers."""
    return {hash_paper(name): paper for paper, name in papers.names_since(session, now - KNOWN_SINCE)}


def expect(session: Session, had: Mapping[int, bytes], now: datetime) -> None:
    """Note the papers that subscribers have had, as joined hashes by subscriber, and count those that are known."""
    before = {row.subscriber_id: row.hashes for row in session.connection().execute(select(core.returning_papers))}
    session.connection().execute(delete(core.returning_papers))
    rows = [
        {"subscriber_id": who, "hashes": before.get(who, b"") + had.get(who, b""), "until_us": to_us(now + EXPECTED)}
        for who in sorted(before.keys() | had.keys())
    ]
    core.execute_many(session, insert(core.returning_papers), rows)
    take_in(session, now)


def is_any_expected(session: Session) -> bool:
    return session.connection().execute(select(_R.subscriber_id).limit(1)).first() is not None


def take_in(session: Session, now: datetime) -> None:
    """Count those of the expected papers as seen that are known by now."""
    known = known_hashes(session, now)
    rows = session.connection().execute(select(core.returning_papers).where(_R.until_us > to_us(now))).all()
    session.connection().execute(delete(core.returning_papers))
    seen, left = {}, []
    for row in rows:
        hashes = set(split_hashes(row.hashes))
        if found := sorted({known[one] for one in hashes if one in known}):
            seen[row.subscriber_id] = found
        if rest := b"".join(sorted(hashes - known.keys())):
            left.append({"subscriber_id": row.subscriber_id, "hashes": rest, "until_us": row.until_us})
    add(session, seen)
    core.execute_many(session, insert(core.returning_papers), left)
