"""Check the invariants of the ledger on any database at any time.

Nothing is changed.

    sql_checks         invariants that one SQL query can find violated
    streaming_checks   invariants on packed columns: one pass over the deliveries, in bounded memory

An invariant holds if it finds no row. Their names (I01 …) are those of the documentation.
"""

from datetime import datetime

from digestd.store.database import Database
from digestd.store.fsck.sql_checks import QUERIES, run
from digestd.store.fsck.streaming_checks import WALKED, walk

__all__ = ["INVARIANTS", "fsck"]

INVARIANTS = {**{name: query.says for name, query in QUERIES.items()}, **WALKED}
"""Meaning of a row under each name."""


def fsck(db: Database, now: datetime) -> dict[str, list[dict[str, object]]]:
    """Return every invariant with the rows that violate it, in one read transaction."""
    with db.read() as session:
        found = {name: run(session, query, now) for name, query in QUERIES.items()}
        found.update(walk(session))
    return dict(sorted(found.items()))
