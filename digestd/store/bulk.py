"""Statements for many rows, handed to the driver as text: SQLAlchemy's way to do so costs half as much again."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeAlias

from sqlalchemy import ARRAY, BigInteger, Column, Dialect, Insert, Update, any_, bindparam, func, select
from sqlalchemy.engine.interfaces import Compiled
from sqlmodel import Session

from digestd.store import core

Value: TypeAlias = int | str | bytes | None
Row: TypeAlias = tuple[Value, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Bulk:
    """A statement with these parameters, and perhaps constants of its own. A row holds their values in this order, as
    the driver takes them: JSON is text, an instant its number."""

    statement: Insert | Update
    names: tuple[str, ...]

    def run(self, session: Session, rows: Iterable[Row]) -> None:
        """Run it once a row."""
        connection = session.connection()
        words, parameters = _compiled(self, connection.dialect)
        if given := list(map(parameters, rows)):
            connection.exec_driver_sql(words, given)


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A query for the rows with these keys, whose text is the same however many are asked for.

    Only of columns that the driver returns as they are: numbers, text, bytes.
    """

    query: core.Query
    key: Column[Any]

    def rows(self, session: Session, keys: Sequence[int]) -> Sequence[core.Record]:
        """The rows there are."""
        connection = session.connection()
        words, names = _looked_up(self, connection.dialect)
        if names is None:
            return connection.exec_driver_sql(words, {_KEYS: keys}).all()
        return connection.exec_driver_sql(words, (json.dumps(keys),)).all()


_KEYS = "keys"


@lru_cache(maxsize=64)
def _looked_up(lookup: Lookup, dialect: Dialect) -> tuple[str, list[str] | None]:
    """The text, and its parameters in order; None where it takes them by name."""
    if dialect.name == "sqlite":
        given = func.json_each(bindparam(_KEYS)).table_valued("value")
        chosen = lookup.query.where(lookup.key.in_(select(given.c.value)))
    else:
        chosen = lookup.query.where(lookup.key == any_(bindparam(_KEYS, type_=ARRAY(BigInteger))))
    compiled = chosen.compile(dialect=dialect)
    return str(compiled), _places(compiled)


def _places(compiled: Compiled) -> list[str] | None:
    """The names of parameters in the order that the text wants them."""
    found: list[str] | None = getattr(compiled, "positiontup", None)
    return found


@lru_cache(maxsize=64)
def _compiled(bulk: Bulk, dialect: Dialect) -> tuple[str, Callable[[Row], Any]]:
    """The text, and how a row becomes the parameters that the driver takes: by their places, or by their names."""
    inline = bulk.statement.inline() if isinstance(bulk.statement, Insert) else bulk.statement
    compiled = inline.compile(dialect=dialect, column_keys=list(bulk.names) if inline.is_insert else None)
    own = {name: value for name, value in compiled.params.items() if name not in bulk.names}
    names, constants = (*bulk.names, *own), tuple(own.values())
    places = _places(compiled)
    if places is None:
        return str(compiled), lambda row: dict(zip(names, (*row, *constants), strict=True))
    ordered = itemgetter(*map(names.index, places))
    return str(compiled), lambda row: ordered((*row, *constants))
