"""Private references of subscribers."""

from sqlalchemy import JSON, Column, LargeBinary, Text
from sqlmodel import Field, SQLModel

from digestd.store.tables.columns import ref, us


class ReferenceRow(SQLModel, table=True):
    """A paper that a subscriber brought along: their words, and what the models in use read in them.

    `terms` is derived by the text model `model`, `vector` by the dense model `encoder`. Both are personal data too and
    are deleted with the row. `added_us` changes with the words.
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
    encoder: str | None = Field(default=None, max_length=80)
    vector: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
