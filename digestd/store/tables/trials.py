"""Trials of other weights on live subscribers."""

from sqlalchemy import CheckConstraint, Column, Text
from sqlmodel import Field, SQLModel

from digestd.store.tables.columns import own_key, us


class TrialRow(SQLModel, table=True):
    """One trial, running until `stopped_us`. Which team took a pick is kept with the pick."""

    __tablename__ = "trial"
    __table_args__ = (CheckConstraint("share > 0 AND share <= 1", "share"),)
    id: int | None = Field(default=None, sa_column=own_key())
    name: str = Field(max_length=60, unique=True)
    weights: str = Field(sa_column=Column(Text, nullable=False))
    share: float
    started_us: int = Field(sa_column=us())
    stopped_us: int | None = Field(default=None, sa_column=us(nullable=True))
