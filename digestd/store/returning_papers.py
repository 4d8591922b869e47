"""Papers that subscribers have had and that the database does not know (any more).

A database that was restored lacks the papers that arrived since, but the sent journal has hashes of their ids. Once a
source reports them again, they count as seen. They are expected for as long as they could be news.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import delete, insert, select
from sqlmodel import Session

from digestd.store import core, papers
from digestd.store.ledger import seen_papers
from digestd.store.timestamps import to_us

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
    """Yield the hashes that were joined."""
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
    """Return True if papers are expected; cheap."""
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
    seen_papers.add(session, seen)
    core.execute_many(session, insert(core.returning_papers), left)
