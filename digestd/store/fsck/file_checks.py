"""Check that an SQLite file is whole: pages, free list, indexes, references, tables.

`quick_check` reads every page once. The full check also compares each index with its table, which takes several times
as long.
"""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from sqlmodel import Session

from digestd.store import core
from digestd.store.migrate import newest

SHOWN = 20
"""Findings listed; one is enough to distrust the file."""
_FIRST_TABLES = frozenset({"subscriber", "consent_event", "suppression", "paper", "delivery", "seen_papers"})
"""Tables of every version."""


def file_damage(file: Path, *, full: bool) -> list[str]:
    """Return what is wrong with an SQLite file that nothing uses; nothing if it is whole.

    The file is opened as it is, without a write-ahead log.
    """
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?immutable=1", uri=True)) as connection:
            return _damage(connection, full=full)
    except sqlite3.DatabaseError as error:
        return [str(error)]


def damage(session: Session) -> list[str]:
    """Return what is wrong with the database by the full check. Only SQLite can say."""
    if session.connection().dialect.name != "sqlite":
        return []
    connection: sqlite3.Connection = session.connection().connection.driver_connection  # type: ignore[assignment]  # sqlite3's own
    try:
        with suppress(sqlite3.OperationalError):  # an older version has no such table
            # the check trusts what this connection read of the index before others changed it (SQLite 3.46); opening
            # the table reads it again
            connection.execute("SELECT rowid FROM revision_words LIMIT 1").fetchall()
        return _damage(connection, full=True)
    except sqlite3.DatabaseError as error:
        return [str(error)]


def _damage(connection: sqlite3.Connection, *, full: bool) -> list[str]:
    check = "integrity_check" if full else "quick_check"
    found = [str(row[0]) for row in connection.execute(f"PRAGMA {check}({SHOWN})")]
    found = [] if found == ["ok"] else [line for text in found for line in text.splitlines()]
    if full and not found:
        found = list(_broken_references(connection))
    return [*found, *(f"the table {name} is missing" for name in _missing_tables(connection))][:SHOWN]


def _broken_references(connection: sqlite3.Connection) -> Iterator[str]:
    try:
        rows = connection.execute("PRAGMA foreign_key_check").fetchmany(SHOWN)
    except sqlite3.OperationalError:  # a table without the key that others refer to
        return
    for table, row, parent, _ in rows:
        yield f"row {row} of {table} refers to a row of {parent} that is not there"


def _missing_tables(connection: sqlite3.Connection) -> Iterator[str]:
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    expected: Collection[str] = _FIRST_TABLES
    if "alembic_version" in names and connection.execute("SELECT version_num FROM alembic_version").fetchone() == (
        newest(),
    ):
        expected = core.TABLES
    yield from sorted(set(expected) - names)
