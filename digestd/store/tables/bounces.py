"""Bounces by keyed hash of the address.

Also lifted suppressions, and counts of inbound mail.
"""

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, text
from sqlmodel import Field

from digestd.domain.bounce import BounceKind, InboundOutcome
from digestd.domain.suppression import SuppressionReason
from digestd.store.tables.columns import Row, one_of, own_key, ref, us


class BounceRow(Row, table=True):
    """One bounce or complaint; `key` is the same if it is reported again."""

    __tablename__ = "bounce"
    __table_args__ = (
        CheckConstraint(one_of("kind", BounceKind), "kind"),
        Index("ix_bounce_held", "at_us", sqlite_where=text("held"), postgresql_where=text("held")),
        {"sqlite_with_rowid": False},
    )
    key: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    address_key: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, index=True))
    kind: str = Field(max_length=10)
    via: str = Field(max_length=12)
    status: str = Field(max_length=12)
    delivery_id: int | None = Field(default=None, sa_column=ref("delivery.id", index=True, nullable=True))
    attempt: int | None = None
    at_us: int = Field(sa_column=us(index=True))
    held: bool = False
    """True if it came with unusually many others, so that its address was not suppressed."""


class LiftedSuppressionRow(Row, table=True):
    """A lifted suppression: by fresh consent, or by an operator, with a note."""

    __tablename__ = "lifted_suppression"
    __table_args__ = (CheckConstraint(one_of("reason", SuppressionReason), "reason"),)
    id: int | None = Field(default=None, sa_column=own_key())
    address_key: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, index=True))
    reason: str = Field(max_length=20)
    note: str = Field(max_length=300)
    at_us: int = Field(sa_column=us())


class InboundCountRow(Row, table=True):
    """The number of mails and events of each outcome, and when the last came."""

    __tablename__ = "inbound_count"
    __table_args__ = (CheckConstraint(one_of("outcome", InboundOutcome), "outcome"), {"sqlite_with_rowid": False})
    outcome: str = Field(primary_key=True, max_length=12)
    total: int = Field(sa_column=us())
    last_us: int = Field(sa_column=us())
