"""Check the invariants of the ledger on any database at any time.

Nothing is changed.

    sql_checks         invariants that one SQL query can find violated
    streaming_checks   invariants on packed columns: one pass over the deliveries, in bounded memory
    file_checks        the database file itself (SQLite)

An invariant holds if it finds no row. Their names (I01 …) are what `digestd fsck` prints.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import islice

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from digestd.store import core, subscribers
from digestd.store.database import Database
from digestd.store.fsck.file_checks import damage as file_damage
from digestd.store.fsck.sql_checks import QUERIES, SHOWN, run
from digestd.store.fsck.streaming_checks import WALKED, walk

__all__ = ["INVARIANTS", "fsck", "steps_of_fsck"]

EVIDENCE = {
    "J1": "a mail that the sent journal knows as sent, and the ledger does not",
    "J2": "a mail that the relay's log knows as sent, and the ledger does not",
}
"""Checked against what is outside the database, by delivery.recovery."""
FILE = {"D1": "damage to the database file: restore the last good backup"}
DAMAGED = "I21"
INVARIANTS = {
    **FILE,
    **{name: query.says for name, query in QUERIES.items()},
    **WALKED,
    **EVIDENCE,
    DAMAGED: "a subscriber of whom something cannot be read; `digestd subscriber show` says what to do",
}
"""Meaning of a row under each name."""
SQL_SHARE = 20
"""An SQL check takes about this part of the time of reading all deliveries."""


def fsck(
    db: Database, now: datetime, advance: Callable[[int], None] = lambda _: None
) -> dict[str, list[dict[str, object]]]:
    """Return every invariant with the rows that violate it, in one read transaction.

    What cannot be read because the file is damaged is left out.

    `advance` is called with what has been read since, in deliveries; each SQL check counts for a SQL_SHARE of all.
    """
    with db.read() as session:
        found: dict[str, list[dict[str, object]]] = {"D1": [{"damage": one} for one in file_damage(session)]}
        try:
            share = count_deliveries(session) // SQL_SHARE
            for name, query in QUERIES.items():
                found[name] = run(session, query, now)
                advance(share)
            found.update(walk(session, advance))
            found[DAMAGED] = [
                {"id": one.key, "email": one.address, **{damage.field: damage.found for damage in one.damage}}
                for one in islice(subscribers.damaged(session), SHOWN)
            ]
        except DBAPIError:
            if not found["D1"]:
                raise
    return dict(sorted(found.items()))


def steps_of_fsck(db: Database) -> int:
    """Return the sum of what `advance` will be called with."""
    with db.read() as session:
        count = count_deliveries(session)
    return count + len(QUERIES) * (count // SQL_SHARE)


def count_deliveries(session: Session) -> int:
    return int(session.connection().execute(select(func.count()).select_from(core.delivery)).scalar_one())
