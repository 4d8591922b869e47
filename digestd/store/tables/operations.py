"""Operations: API tokens, trials of ranking weights, throttles, alerts, sent journals."""

from sqlalchemy import CheckConstraint, Column, Float, LargeBinary, Text
from sqlmodel import Field

from digestd.store.tables.columns import Row, own_key, us


class ApiTokenRow(Row, table=True):
    """A token with a hash of its secret; a revoked one stays as a record."""

    __tablename__ = "api_token"
    id: int | None = Field(default=None, sa_column=own_key())
    name: str = Field(max_length=80)
    hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    scopes: str = Field(max_length=60)
    created_us: int = Field(sa_column=us())
    revoked_us: int | None = Field(default=None, sa_column=us(nullable=True))


class TrialRow(Row, table=True):
    """One trial, running until `stopped_us`; each pick keeps its team."""

    __tablename__ = "trial"
    __table_args__ = (CheckConstraint("share > 0 AND share <= 1", "share"),)
    id: int | None = Field(default=None, sa_column=own_key())
    name: str = Field(max_length=60, unique=True)
    weights: str = Field(sa_column=Column(Text, nullable=False))
    share: float
    started_us: int = Field(sa_column=us())
    stopped_us: int | None = Field(default=None, sa_column=us(nullable=True))


class ThrottleRow(Row, table=True):
    """One relay (`host:port`) or one recipient domain (`@domain`).

    See digestd.domain.throttle.
    """

    __tablename__ = "throttle"
    __table_args__ = ({"sqlite_with_rowid": False},)
    name: str = Field(primary_key=True, max_length=300)
    free_us: int = Field(default=0, sa_column=us())
    lowered: float = Field(default=0, sa_column=Column(Float, nullable=False))
    slowed_us: int = Field(default=0, sa_column=us())
    before: float = Field(default=0, sa_column=Column(Float, nullable=False))
    failures: int = 0
    backoff_until_us: int = Field(default=0, sa_column=us())
    error: str = Field(default="", max_length=500)


class AlertStateRow(Row, table=True):
    """The count at the last alert about an event; see digestd.store.alert_state."""

    __tablename__ = "alert_state"
    __table_args__ = ({"sqlite_with_rowid": False},)
    event: str = Field(primary_key=True, max_length=40)
    known: int


class SentJournalRow(Row, table=True):
    """One sent journal, which is a folder outside the database; see digestd.store.sent_journals."""

    __tablename__ = "sent_journal"
    __table_args__ = ({"sqlite_with_rowid": False},)
    id: str = Field(primary_key=True, max_length=32)
    host: str = Field(max_length=255)
    generation: int = Field(sa_column=us())
    server: str = Field(max_length=80)
    since_us: int = Field(sa_column=us())
    used_us: int = Field(sa_column=us())
