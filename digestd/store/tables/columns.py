"""Columns that many tables share, and the naming of constraints."""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
KEY = BigInteger().with_variant(Integer, "sqlite")
"""A row number: SQLite numbers rows by itself only in a column called INTEGER."""


def own_key() -> Column[int]:
    return Column("id", KEY, primary_key=True, autoincrement=True)


def ref(
    name: str, target: str, *, primary_key: bool = False, index: bool = False, nullable: bool = False
) -> Column[int]:
    return Column(name, KEY, ForeignKey(target), primary_key=primary_key, index=index, nullable=nullable)


def us(name: str, *, primary_key: bool = False, nullable: bool = False, index: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=primary_key, nullable=nullable, index=index)


def one_of(column: str, values: Iterable[StrEnum]) -> str:
    """Return the condition that a column has one of an enumeration's values.

    Not by IN: SQLite builds a table of an IN list of three or more for every row it checks. Lists were half of what the
    ledger's checks cost per mail.
    """
    return f"({' OR '.join(f'{column} = {str(value)!r}' for value in values)})"
