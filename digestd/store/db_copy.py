"""Copy an SQLite database to PostgreSQL, and compare every value afterwards.

The copy is one transaction on PostgreSQL: an interruption leaves nothing, so it can simply be started again. Meanwhile
nobody can write to the SQLite file. At the end the file is marked, so that no process continues to send from it.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

from sqlalchemy import JSON, Boolean, Column, ColumnElement, String, Table, Text, cast, func, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from digestd.errors import BadInput, DigestdError
from digestd.store import tables
from digestd.store.database import Database
from digestd.store.migrate import COPIED, migrate

BLOCK = 1_000
"""Rows read at a time."""
Row = tuple[Any, ...]


class CopyFailed(DigestdError):
    """The copy differs from its source, or the target refused a row. Nothing was written."""


def all_tables() -> Sequence[Table]:
    """Return every table, those that others refer to first."""
    return tables.SubscriberRow.metadata.sorted_tables


def count_rows(db: Database) -> dict[str, int]:
    """Return the number of rows of every table."""
    with db.read() as session:
        return {table.name: _count(session, table) for table in all_tables()}


def copy(source: Database, target: Database, advance: Callable[[int], None] = lambda _rows: None) -> dict[str, int]:
    """Copy every row to an empty PostgreSQL database; return the number of rows by table.

    Args:
        source: An SQLite database that no other process writes to.
        target: A PostgreSQL database. Its tables are created if necessary.
        advance: Called with numbers of rows that were copied or compared; each row counts twice.

    Raises:
        BadInput: The target is not empty, or not PostgreSQL, or the source is not SQLite.
        CopyFailed: A row could not be copied, or came out different.
    """
    if not source.is_sqlite or target.is_sqlite:
        raise BadInput("`digestd db copy` goes from SQLite (DIGESTD_DATABASE_URL) to PostgreSQL; give another URL")
    migrate(target)
    with source.write() as read:
        with target.write() as written:
            counts = _copy_all(read, written, advance)
        # only now, because the copy is committed
        read.connection().execute(text("UPDATE alembic_version SET version_num = :it"), {"it": COPIED})
    return counts


def _copy_all(read: Session, written: Session, advance: Callable[[int], None]) -> dict[str, int]:
    _require_empty(written)
    connection, counts = written.connection(), {}
    for table in all_tables():
        with _without_triggers(connection, table):
            counts[table.name] = _copy_table(read, connection, table, advance)
    for table in all_tables():
        _compare(read, written, table, advance)
        _continue_numbers(connection, table)
    return counts


def _require_empty(session: Session) -> None:
    used = [table.name for table in all_tables() if session.connection().execute(select(table).limit(1)).first()]
    if used:
        raise BadInput(f"the database has rows already, in {', '.join(used[:5])}; copy to an empty one")


def _copy_table(read: Session, connection: Connection, table: Table, advance: Callable[[int], None]) -> int:
    """Copy a table with PostgreSQL's COPY; return the number of rows."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    count = 0
    cursor = connection.connection.cursor()
    try:
        with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as out:
            for block in _blocks(read, table):
                for row in block:
                    out.write_row(row)
                count += len(block)
                advance(len(block))
    except Exception as error:
        if isinstance(error, DigestdError | DBAPIError):
            raise
        raise CopyFailed(f"table {table.name} after {count} rows: {str(error).strip().splitlines()[0]}") from error
    return count


def _compare(read: Session, written: Session, table: Table, advance: Callable[[int], None]) -> None:
    """Compare every value of a table.

    Raises:
        CopyFailed: One differs, or a row is missing on one side.
    """
    keys = [column.name for column in table.primary_key.columns]
    none: list[Row] = []
    for ours, theirs in zip_longest(_blocks(read, table), _blocks(written, table), fillvalue=none):
        for before, after in zip_longest(ours, theirs):
            if before != after:
                at = before or after
                named = dict(zip(table.columns.keys(), at, strict=True))
                where = ", ".join(f"{key} {named[key]!r}" for key in keys)
                raise CopyFailed(f"table {table.name}, row {where}: the copy differs; nothing was copied")
        advance(len(ours))


def _blocks(session: Session, table: Table) -> Iterator[list[Row]]:
    """Yield all rows of a table by primary key, as the values that both databases store."""
    postgresql = session.get_bind().dialect.name == "postgresql"
    order = [
        column.collate("C") if postgresql and isinstance(column.type, String) else column
        for column in table.primary_key.columns
    ]
    query = select(*map(_stored, table.columns)).order_by(*order)
    booleans = [number for number, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
    rows = session.connection().execute(query, execution_options={"yield_per": BLOCK})
    for block in rows.partitions(BLOCK):
        yield [_with_booleans(tuple(row), booleans) for row in block] if booleans else [tuple(row) for row in block]


def _stored(column: Column[Any]) -> ColumnElement[Any]:
    """Return a column as it is stored: JSON as its text."""
    return cast(column, Text) if isinstance(column.type, JSON) else column


def _with_booleans(row: Row, places: Sequence[int]) -> Row:
    return tuple(bool(value) if number in places and value is not None else value for number, value in enumerate(row))


@contextlib.contextmanager
def _without_triggers(connection: Connection, table: Table) -> Iterator[None]:
    """Switch off the triggers of a table, which would refuse a row that has gone through several states."""
    connection.execute(text(f'ALTER TABLE "{table.name}" DISABLE TRIGGER USER'))
    yield
    connection.execute(text(f'ALTER TABLE "{table.name}" ENABLE TRIGGER USER'))


def _continue_numbers(connection: Connection, table: Table) -> None:
    """Let new rows get numbers after those that were copied."""
    column = table.autoincrement_column
    if column is None:
        return
    highest = connection.execute(select(func.max(column))).scalar()
    if highest is not None:
        connection.execute(
            text("SELECT setval(pg_get_serial_sequence(:name, :column), :highest)"),
            {"name": f'"{table.name}"', "column": column.name, "highest": highest},
        )


def _count(session: Session, table: Table) -> int:
    return int(session.connection().execute(select(func.count()).select_from(table)).scalar_one())
