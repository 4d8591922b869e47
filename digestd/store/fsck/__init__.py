"""Check the invariants of the ledger on any database, at any moment; nothing is changed.

    queries   the invariants that SQL can tell
    walk      those that need the packed columns, one streaming pass over the deliveries

Each invariant is named as in the documentation, and holds when it finds no row.
"""

from datetime import datetime

from digestd.store.database import Database
from digestd.store.fsck.sql_checks import QUERIES, run
from digestd.store.fsck.streaming_checks import WALKED, walk

__all__ = ["INVARIANTS", "fsck"]

INVARIANTS = {**{name: query.says for name, query in QUERIES.items()}, **WALKED}
"""What a row under each name means."""


def fsck(db: Database, now: datetime) -> dict[str, list[dict[str, object]]]:
    """Return every invariant with the rows that violate it, in one read transaction."""
    with db.read() as session:
        found = {name: run(session, query, now) for name, query in QUERIES.items()}
        found.update(walk(session))
    return dict(sorted(found.items()))
