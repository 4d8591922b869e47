"""Statements for many rows: bulk writes, lookups by many keys, reserved row numbers, and isolation of a bad row.

Bulk statements and lookups are compiled once and handed to the driver as text, because SQLAlchemy's work per row costs
as much as the driver's. On PostgreSQL several lookups go in one exchange (pipeline), because a delivery round mostly
waits for exchanges.
"""

import json
import re
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Connection,
    Dialect,
    Insert,
    Integer,
    Table,
    Text,
    Update,
    any_,
    bindparam,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.engine.interfaces import Compiled
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from digestd.errors import DigestdError
from digestd.store import core
from digestd.store.database import is_connection_lost

Value: TypeAlias = int | str | bytes | None
Row: TypeAlias = tuple[Value, ...]
Record: TypeAlias = Any
"""A row that was found, its columns by name."""


_T = TypeVar("_T")
CHUNK = 5_000
"""Values in one IN list, far below SQLite's 32,766 and PostgreSQL's 65,535."""


def chunks(values: Iterable[_T]) -> Iterator[list[_T]]:
    """Yield the values in lists short enough for one statement."""
    held = list(values)
    for start in range(0, len(held), CHUNK):
        yield held[start : start + CHUNK]


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
    """Insert rows with the same columns and plain values.

    Plain values are numbers, text and bytes, which need no conversion. SQLAlchemy's work on each takes longer than
    SQLite's on the row.
    """
    if not rows:
        return
    connection = session.connection()
    statement = insert(table).compile(dialect=connection.dialect, column_keys=list(rows[0]))
    names = statement.positiontup
    values = [tuple(row[name] for name in names) for row in rows] if names else [dict(row) for row in rows]
    connection.exec_driver_sql(str(statement), values)


@dataclass(frozen=True, slots=True, eq=False)
class BulkStatement:
    """A statement with named parameters.

    A row has their values in this order, as the driver expects them: JSON as text, times as numbers.
    """

    statement: Insert | Update
    names: tuple[str, ...]

    def run(self, session: Session, rows: Iterable[Row]) -> None:
        """Run this statement for each row, in one exchange on PostgreSQL."""
        if not (given := list(rows)):
            return
        connection = session.connection()
        words, execute = _compiled(self, connection.dialect)
        with driver(connection) as cursor:
            execute(cursor(), words, given)


@dataclass(frozen=True, slots=True, eq=False)
class KeyLookup:
    """A query for rows by key, whose SQL does not depend on the number of keys.

    Keys are numbers or text. Only for columns that the driver returns unconverted: numbers, text, bytes.
    """

    query: core.Query
    key: Column[Any]

    def rows(self, session: Session, keys: Sequence[int] | Sequence[str]) -> list[Record]:
        [found] = look_up(session, (self, keys))
        return found


def look_up(session: Session, *lookups: tuple[KeyLookup, Sequence[int] | Sequence[str]]) -> list[list[Record]]:
    """Return the rows that each lookup finds, in one exchange."""
    connection = session.connection()
    with driver(connection, several=len(lookups) > 1) as cursor:
        requests = [(_compiled_lookup(lookup, connection.dialect), keys) for lookup, keys in lookups]
        answers = [(made, cursor().execute(words, given(keys))) for (words, given, made), keys in requests]
        return [list(map(made, answer.fetchall())) for made, answer in answers]


@contextmanager
def driver(connection: Connection, *, several: bool = False) -> Iterator[Callable[[], Any]]:
    """Yield a function that opens cursors of the driver.

    Raise its errors as SQLAlchemy's. With `several`, PostgreSQL gets several statements in one exchange; for a single
    one that would only take twice the CPU time.
    """
    own: Any = connection.connection.driver_connection
    try:
        with own.pipeline() if several and connection.dialect.name != "sqlite" else nullcontext():
            yield own.cursor
    except connection.dialect.loaded_dbapi.Error as error:
        lost = is_connection_lost(connection.dialect, error, own)
        if lost:
            connection.invalidate(error)
        kinds = connection.dialect.loaded_dbapi.Error
        raise DBAPIError.instance(
            None, None, error, kinds, connection_invalidated=lost, dialect=connection.dialect
        ) from error


_KEYS = "keys"


@lru_cache(maxsize=64)
def _compiled_lookup(
    lookup: KeyLookup, dialect: Dialect
) -> tuple[str, Callable[[Sequence[int] | Sequence[str]], Any], Callable[[Any], Record]]:
    """Return the SQL text, the converter of keys, and the maker of records."""
    made = namedtuple("Found", lookup.query.selected_columns.keys())._make  # type: ignore[attr-defined]  # mypy needs literal field names
    if dialect.name == "sqlite":
        given = func.json_each(bindparam(_KEYS)).table_valued("value")
        chosen = lookup.query.where(lookup.key.in_(select(given.c.value)))
        return str(chosen.compile(dialect=dialect)), lambda keys: (json.dumps(keys),), made
    kind = BigInteger if isinstance(lookup.key.type, Integer) else Text
    chosen = lookup.query.where(lookup.key == any_(bindparam(_KEYS, type_=ARRAY(kind))))
    return str(chosen.compile(dialect=dialect)), lambda keys: {_KEYS: keys}, made


@lru_cache(maxsize=64)
def _compiled(bulk: BulkStatement, dialect: Dialect) -> tuple[str, Callable[[Any, str, list[Row]], object]]:
    """Return the SQL text, and a function that runs it for many rows."""
    inline = bulk.statement.inline() if isinstance(bulk.statement, Insert) else bulk.statement
    compiled = inline.compile(dialect=dialect, column_keys=list(bulk.names) if inline.is_insert else None)
    own = {name: value for name, value in compiled.params.items() if name not in bulk.names}
    places: list[str] | None = getattr(compiled, "positiontup", None)
    if places is None:
        words = _at_once(compiled, bulk.names)
        return words, lambda cursor, words, rows: cursor.execute(words, own | _columns(bulk.names, rows))
    names, constants = (*bulk.names, *own), tuple(own.values())
    ordered = itemgetter(*map(names.index, places))
    return str(compiled), lambda cursor, words, rows: cursor.executemany(
        words, [ordered((*row, *constants)) for row in rows]
    )


def _at_once(compiled: Compiled, names: Sequence[str]) -> str:
    """Return the statement rewritten over all rows at once. One by one takes twice as long."""
    arrays = ", ".join(f"%({name})s::{_type(compiled, name)}[]" for name in names)
    given = f"unnest({arrays}) AS given({', '.join(map(_quoted, names))})"
    words = _PLACEHOLDER.sub(
        lambda found: f"given.{_quoted(found[1])}" if found[1] in names else found[0], str(compiled)
    )
    if " WHERE " in words:
        return words.replace(" WHERE ", f" FROM {given} WHERE ", 1)
    into, _, values = words.partition(" VALUES (")
    return f"{into} SELECT {values.removesuffix(')')} FROM {given}"  # noqa: S608  # column names only, no values


def _type(compiled: Compiled, name: str) -> str:
    """Return the server's name of a type, without the length: a cast would truncate."""
    return str(compiled.binds[name].type.compile(dialect=compiled.dialect)).partition("(")[0]  # type: ignore[attr-defined]  # missing in the type stubs


def _quoted(name: str) -> str:
    return f'"{name}"'


def _columns(names: Sequence[str], rows: Sequence[Row]) -> dict[str, list[Value]]:
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def by_halves(
    items: Sequence[_Item],
    work: Callable[[Sequence[_Item]], _Result],
    refuse: Callable[[_Item, Exception], object],
    passed: tuple[type[Exception], ...] = (DigestdError, MemoryError),
) -> Iterator[_Result]:
    """Do some work on all items at once, and after an unexpected error on halves of them, to find the bad ones.

    Args:
        items: what to handle; never empty in a call of `work`.
        work: all or nothing for the items it is given, such as one transaction.
        refuse: called with each item for which `work` fails even alone, and the error.
        passed: errors whose cause is no single item; they are raised.

    Yields:
        The results of the calls that succeeded.
    """
    if not items:
        return
    try:
        result = work(items)
    except passed:
        raise
    except Exception as error:
        if len(items) == 1:
            refuse(items[0], error)
            return
        middle = len(items) // 2
        yield from by_halves(items[:middle], work, refuse, passed)
        yield from by_halves(items[middle:], work, refuse, passed)
        return
    yield result


def readable(rows: Iterable[Any], read: Callable[[Any], _T]) -> Iterator[_T]:
    """Yield what `read` makes of each row; a damaged row is left out."""
    for row in rows:
        with suppress(ValueError, TypeError, OverflowError):
            yield read(row)
