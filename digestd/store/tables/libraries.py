"""Private papers of subscribers.

Linked libraries with their entries, references, and lookups of papers that are not known yet.
"""

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field

from digestd.domain.library import EntryStatus, LibraryProvider, LibraryState
from digestd.domain.reference import LookupState
from digestd.store.tables.columns import Row, one_of, own_key, ref, us


class LibraryRow(Row, table=True):
    """A library at its provider; `sealed` is the encrypted key to it."""

    __tablename__ = "library"
    __table_args__ = (
        CheckConstraint(one_of("provider", LibraryProvider), "provider"),
        CheckConstraint(one_of("state", LibraryState), "state"),
        UniqueConstraint("subscriber_id", "provider", "place"),
        Index("ix_library_next", "next_us", sqlite_where=text("state = 'linked'"),
              postgresql_where=text("state = 'linked'")),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=own_key())
    subscriber_id: int = Field(sa_column=ref("subscriber.id"))
    provider: str = Field(max_length=10)
    place: str = Field(max_length=40)
    sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    may_write: bool = False
    state: str = Field(max_length=10)
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
    linked_us: int = Field(sa_column=us())
    next_us: int = Field(sa_column=us())
    """Time of the next sync. A reader moves it on first, so that no other process reads as well."""
    synced_us: int | None = Field(default=None, sa_column=us(nullable=True))
    failures: int = 0
    why: str = Field(default="", max_length=300)


class LibraryEntryRow(Row, table=True):
    """An entry of a library, the paper it names, and its effect."""

    __tablename__ = "library_entry"
    __table_args__ = (CheckConstraint(one_of("status", EntryStatus), "status"), {"sqlite_with_rowid": False})
    library_id: int = Field(sa_column=ref("library.id", primary_key=True))
    name: str = Field(primary_key=True, max_length=40)
    paper: str = Field(max_length=500)
    day: str = Field(max_length=10)
    status: str = Field(max_length=10)


class ReferenceRow(Row, table=True):
    """A paper that a subscriber brought along.

    Their words, and what the models in use read in them.

    `terms` is derived by the text model `model`, `other_terms` by another one, `vector` by the dense model `encoder`.
    All are personal data too and are deleted with the row. `added_us` changes with the words.
    """

    __tablename__ = "reference"
    subscriber_id: int = Field(sa_column=ref("subscriber.id", primary_key=True))
    name: str = Field(primary_key=True, max_length=500)
    ids: list[str] = Field(sa_column=Column(JSON, nullable=False))
    title: str = Field(sa_column=Column(Text, nullable=False))
    abstract: str = Field(sa_column=Column(Text, nullable=False))
    authors: list[str] = Field(sa_column=Column(JSON, nullable=False))
    added_us: int = Field(sa_column=us())
    model: str | None = Field(default=None, max_length=64)
    terms: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    other_model: str | None = Field(default=None, max_length=64)
    other_terms: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    encoder: str | None = Field(default=None, max_length=80)
    vector: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


class PaperLookupRow(Row, table=True):
    """A paper that an interest of a subscriber names and that is not known yet.

    `next_us`: when it is looked up next, or None if not any more. A reader moves it on first.
    """

    __tablename__ = "paper_lookup"
    __table_args__ = (
        CheckConstraint(one_of("state", LookupState), "state"),
        Index("ix_paper_lookup_next", "next_us", sqlite_where=text("next_us IS NOT NULL"),
              postgresql_where=text("next_us IS NOT NULL")),
    )  # fmt: skip
    subscriber_id: int = Field(sa_column=ref("subscriber.id", primary_key=True))
    name: str = Field(primary_key=True, max_length=500)
    state: str = Field(max_length=10)
    requested_us: int = Field(sa_column=us())
    next_us: int | None = Field(default=None, sa_column=us(nullable=True))
    failures: int = 0
