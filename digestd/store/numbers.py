"""Rows in bulk: numbers taken beforehand, so that rows which name each other go in with one statement a table."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Table, func, insert, select, text
from sqlmodel import Session


def reserve(session: Session, table: Table, count: int) -> list[int]:
    """Reserve ascending row numbers for new rows of this write transaction.

    SQLite has one writer at a time, so the next numbers are free; PostgreSQL hands them out by
    the table's sequence.
    """
    if not count:
        return []
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        first = int(connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()) + 1
        return list(range(first, first + count))
    query = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")
    return sorted(connection.execute(query, {"name": table.name, "count": count}).scalars())


def insert_plain(session: Session, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows whose values the driver takes as they are (numbers, texts, bytes); all have the same columns.

    SQLAlchemy's work on each value takes longer than SQLite's on the row.
    """
    if not rows:
        return
    connection = session.connection()
    statement = insert(table).compile(dialect=connection.dialect, column_keys=list(rows[0]))
    names = statement.positiontup
    values = [tuple(row[name] for name in names) for row in rows] if names else [dict(row) for row in rows]
    connection.exec_driver_sql(str(statement), values)
