"""Columns that many tables share, and the naming of constraints."""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table
from sqlmodel import SQLModel
from sqlmodel.main import get_column_from_field

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(SQLModel):
    """Base of all tables: the fields of a subclass declare the columns of one.

    The store reads tuples with SQLAlchemy Core, so rows are neither validated nor mapped to objects (`table=True`):
    for all tables, that would take longer than what most commands do.
    """

    model_config = {"defer_build": True}

    @classmethod
    def __pydantic_init_subclass__(cls, **_options: object) -> None:
        """Add the table of a subclass to the metadata."""
        columns = []
        for name, field in cls.model_fields.items():
            column = get_column_from_field(field)
            column.name = column.key = name
            columns.append(column)
        given = getattr(cls, "__table_args__", ())
        options = given[-1] if given and isinstance(given[-1], dict) else {}
        Table(str(cls.__tablename__), cls.metadata, *columns, *given[: -1 if options else None], **options)


KEY = BigInteger().with_variant(Integer, "sqlite")
"""A row number: SQLite numbers rows by itself only in a column called INTEGER."""


def own_key() -> Column[int]:
    return Column(KEY, primary_key=True, autoincrement=True)


def ref(target: str, *, primary_key: bool = False, index: bool = False, nullable: bool = False) -> Column[int]:
    return Column(KEY, ForeignKey(target), primary_key=primary_key, index=index, nullable=nullable)


def us(*, primary_key: bool = False, nullable: bool = False, index: bool = False) -> Column[int]:
    return Column(BigInteger, primary_key=primary_key, nullable=nullable, index=index)


def one_of(column: str, values: Iterable[StrEnum]) -> str:
    """Return the condition that a column has one of an enumeration's values.

    Not by IN: SQLite builds a table of an IN list of three or more for every row it checks. Lists were half of what the
    ledger's checks cost per mail.
    """
    return f"({' OR '.join(f'{column} = {str(value)!r}' for value in values)})"
