"""How fast mails may go, and which relays rest."""

from sqlalchemy import Column, Float
from sqlmodel import Field, SQLModel

from digestd.store.tables.columns import us


class ThrottleRow(SQLModel, table=True):
    """One relay (`host:port`) or one recipient domain (`@domain`); see digestd.throttle."""

    __tablename__ = "throttle"
    __table_args__ = ({"sqlite_with_rowid": False},)
    name: str = Field(primary_key=True, max_length=300)
    free_us: int = Field(default=0, sa_column=us())
    lowered: float = Field(default=0, sa_column=Column(Float, nullable=False))
    slowed_us: int = Field(default=0, sa_column=us())
    before: float = Field(default=0, sa_column=Column(Float, nullable=False))
    failures: int = 0
    rest_until_us: int = Field(default=0, sa_column=us())
    why: str = Field(default="", max_length=500)
