"""Conditions in the words of the ledger's partial indexes.

Deliveries that are open or uncertain, a few of all.

SQLite uses a partial index only if the query repeats the index condition literally; it does not know the value of a
parameter when it plans. Without these conditions each claim would scan the whole ledger.
"""

from sqlalchemy import literal_column, or_
from sqlmodel import Session

from digestd.domain.delivery import State
from digestd.store import core
from digestd.store.bulk import driver
from digestd.store.tables.ledger import AT_WORK as STATES

_STATE = core.delivery.c.state
AT_WORK = or_(*(literal_column(f"'{state}'") == _STATE for state in STATES))
"""Condition of the index of open work, to be narrowed further."""
UNCERTAIN = literal_column(f"'{State.UNCERTAIN}'") == _STATE


def force_index_scans(session: Session) -> None:
    """Let PostgreSQL go by its indexes until the transaction ends.

    It keeps a plan for as long as a connection lasts. One made while there were few deliveries would walk through all
    of them for every mail once they are many.
    """
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        with driver(connection) as cursor:
            cursor().execute("SET LOCAL enable_seqscan = off")
