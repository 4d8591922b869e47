"""Statements for many rows, handed to the driver as text: SQLAlchemy's way to do so costs half as much again."""

import json
import re
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
        """Run it for each row, of which no two are to change the same: PostgreSQL takes them all at once."""
        if given := list(rows):
            connection = session.connection()
            words, parameters = _compiled(self, connection.dialect)
            connection.exec_driver_sql(words, parameters(given))


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
def _compiled(bulk: Bulk, dialect: Dialect) -> tuple[str, Callable[[list[Row]], Any]]:
    """The text, and how rows become the parameters that the driver takes."""
    inline = bulk.statement.inline() if isinstance(bulk.statement, Insert) else bulk.statement
    compiled = inline.compile(dialect=dialect, column_keys=list(bulk.names) if inline.is_insert else None)
    own = {name: value for name, value in compiled.params.items() if name not in bulk.names}
    places = _places(compiled)
    if places is None:
        return _at_once(compiled, bulk.names), lambda rows: {**own, **_columns(bulk.names, rows)}
    names, constants = (*bulk.names, *own), tuple(own.values())
    ordered = itemgetter(*map(names.index, places))
    return str(compiled), lambda rows: [ordered((*row, *constants)) for row in rows]


def _at_once(compiled: Compiled, names: Sequence[str]) -> str:
    """The statement over all rows in one: for each alone the server takes twice as long."""
    arrays = ", ".join(f"%({name})s::{_type(compiled, name)}[]" for name in names)
    given = f"unnest({arrays}) AS given({', '.join(map(_quoted, names))})"
    words = _PLACEHOLDER.sub(
        lambda found: f"given.{_quoted(found[1])}" if found[1] in names else found[0], str(compiled)
    )
    if " WHERE " in words:
        return words.replace(" WHERE ", f" FROM {given} WHERE ", 1)
    into, _, values = words.partition(" VALUES (")
    return f"{into} SELECT {values.removesuffix(')')} FROM {given}"  # noqa: S608  # names of columns, no values


def _type(compiled: Compiled, name: str) -> str:
    """As the server names it; texts without their lengths, as a cast would cut them."""
    return str(compiled.binds[name].type.compile(dialect=compiled.dialect)).partition("(")[0]  # type: ignore[attr-defined]  # every compiled statement has them


def _quoted(name: str) -> str:
    return f'"{name}"'


def _columns(names: Sequence[str], rows: Sequence[Row]) -> dict[str, list[Value]]:
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
