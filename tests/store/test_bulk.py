"""Statements executed directly by the driver behave like those of SQLAlchemy."""

import pytest
from sqlalchemy import bindparam, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from digestd.errors import DatabaseUnreachable
from digestd.store import core
from digestd.store.bulk import BulkStatement, KeyLookup, look_up
from digestd.store.database import Database, open_database

NAMES = "name", "free_us", "lowered", "slowed_us", "before", "failures", "backoff_until_us", "error"
THROTTLES = BulkStatement(insert(core.throttle), NAMES)
AGAIN = BulkStatement(
    update(core.throttle).where(core.throttle.c.failures == bindparam("those")).values(error=bindparam("so")),
    ("so", "those"),
)
BY_FAILURES = KeyLookup(
    select(core.throttle.c.name, core.throttle.c.error).order_by(core.throttle.c.name), core.throttle.c.failures
)
ROWS = [(name, 0, 0, 0, 0, failures, 0, "") for failures, name in enumerate(("one", "two", "three"), start=1)]


def test_run_and_look_up_keep_order(db: Database) -> None:
    with db.write() as session:
        THROTTLES.run(session, ROWS)
        AGAIN.run(session, [])
        AGAIN.run(session, [("first", 1), ("third", 3)])
    with db.read() as session:
        some, none, more = look_up(session, (BY_FAILURES, [3, 1]), (BY_FAILURES, []), (BY_FAILURES, [2, 7]))
    assert [(row.name, row.error) for row in some] == [("one", "first"), ("three", "third")]
    assert none == []
    assert [(row.name, row.error) for row in more] == [("two", "")]


def test_run_rolls_back_and_raises_integrity_error(db: Database) -> None:
    with pytest.raises(IntegrityError), db.write() as session:
        THROTTLES.run(session, [*ROWS, *ROWS])
    with db.read() as session:
        assert BY_FAILURES.rows(session, [1, 2, 3]) == []


def test_run_reports_and_drops_a_terminated_connection(postgres_url: str) -> None:
    db = open_database(postgres_url)
    with pytest.raises(DatabaseUnreachable):
        _write(db, ended=True)
    _write(db)
    with db.read() as session:
        assert len(BY_FAILURES.rows(session, [1, 2, 3])) == 3
    db.close()


def _write(db: Database, *, ended: bool = False) -> None:
    with db.write() as session:
        mine = session.connection().execute(text("SELECT pg_backend_pid()")).scalar_one()
        if ended:
            with db.connected() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": mine})
        THROTTLES.run(session, ROWS)
