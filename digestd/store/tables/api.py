"""Who may use the API."""

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field, SQLModel

from digestd.store.tables.columns import own_key, us


class ApiTokenRow(SQLModel, table=True):
    """A token: what it is for, and a hash of its secret. A revoked one stays, as a record."""

    __tablename__ = "api_token"
    id: int | None = Field(default=None, sa_column=own_key())
    name: str = Field(max_length=80)
    hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    scopes: str = Field(max_length=60)
    created_us: int = Field(sa_column=us())
    revoked_us: int | None = Field(default=None, sa_column=us(nullable=True))
