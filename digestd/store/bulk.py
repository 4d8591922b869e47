"""Statements for many rows, handed to the driver as text: SQLAlchemy's way to do so costs half as much again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import TypeAlias

from sqlalchemy import Dialect, Insert, Update
from sqlmodel import Session

Value: TypeAlias = int | str | bytes | None
Row: TypeAlias = tuple[Value, ...]
Order: TypeAlias = Callable[[Row], Row]


@dataclass(frozen=True, slots=True, eq=False)
class Bulk:
    """A statement with these parameters. A row holds their values in this order, as the driver takes them: JSON is
    text, an instant its number."""

    statement: Insert | Update
    names: tuple[str, ...]

    def run(self, session: Session, rows: Iterable[Row]) -> None:
        """Run it once a row."""
        connection = session.connection()
        words, order = _compiled(self, connection.dialect)
        given = [dict(zip(self.names, row, strict=True)) for row in rows] if order is None else list(map(order, rows))
        if given:
            connection.exec_driver_sql(words, given)


@lru_cache(maxsize=64)
def _compiled(bulk: Bulk, dialect: Dialect) -> tuple[str, Order | None]:
    """The text, and how a row is put into the order that it wants; None where it takes its parameters by name."""
    inline = bulk.statement.inline() if isinstance(bulk.statement, Insert) else bulk.statement
    compiled = inline.compile(dialect=dialect, column_keys=list(bulk.names) if inline.is_insert else None)
    places: list[str] | None = getattr(compiled, "positiontup", None)
    return str(compiled), None if places is None else itemgetter(*map(bulk.names.index, places))
