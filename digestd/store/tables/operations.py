"""Operations: API tokens, trials, throttles, alerts, sent journals, bounces, webhooks and their posts."""

from sqlalchemy import CheckConstraint, Column, Float, Index, LargeBinary, Text, text
from sqlmodel import Field

from digestd.domain.bounce import BounceKind, InboundOutcome
from digestd.domain.delivery import SuppressionReason
from digestd.domain.webhook import WebhookEvent, WebhookPostState
from digestd.store.tables.columns import Row, one_of, own_key, ref, us


class ApiTokenRow(Row):
    """A token with a hash of its secret; a revoked one stays as a record.

    `subscriber_id`: the only subscriber that it opens; a token without one is the operator's.
    """

    __tablename__ = "api_token"
    id: int | None = Field(default=None, sa_column=own_key())
    name: str = Field(max_length=80)
    hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    scopes: str = Field(max_length=60)
    created_us: int = Field(sa_column=us())
    revoked_us: int | None = Field(default=None, sa_column=us(nullable=True))
    subscriber_id: int | None = Field(default=None, sa_column=ref("subscriber.id", nullable=True))


class TrialRow(Row):
    """A trial of other weights, which the first release could run; nothing reads it."""

    __tablename__ = "trial"
    __table_args__ = (CheckConstraint("share > 0 AND share <= 1", "share"),)
    id: int | None = Field(default=None, sa_column=own_key())
    name: str = Field(max_length=60, unique=True)
    weights: str = Field(sa_column=Column(Text, nullable=False))
    share: float
    started_us: int = Field(sa_column=us())
    stopped_us: int | None = Field(default=None, sa_column=us(nullable=True))


class ThrottleRow(Row):
    """One relay (`host:port`) or one recipient domain (`@domain`). See digestd.domain.throttle."""

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


class AlertStateRow(Row):
    """The count at the last alert about an event (`monitoring`), or the minute of one (`subscribers`, `bounces`)."""

    __tablename__ = "alert_state"
    __table_args__ = ({"sqlite_with_rowid": False},)
    event: str = Field(primary_key=True, max_length=40)
    known: int


class SentJournalRow(Row):
    """One sent journal, which is a folder outside the database; see digestd.store.ledger.restore."""

    __tablename__ = "sent_journal"
    __table_args__ = ({"sqlite_with_rowid": False},)
    id: str = Field(primary_key=True, max_length=32)
    host: str = Field(max_length=255)
    generation: int = Field(sa_column=us())
    server: str = Field(max_length=80)
    since_us: int = Field(sa_column=us())
    used_us: int = Field(sa_column=us())


class BounceRow(Row):
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


class LiftedSuppressionRow(Row):
    """A lifted suppression: by fresh consent, or by an operator, with a note."""

    __tablename__ = "lifted_suppression"
    __table_args__ = (CheckConstraint(one_of("reason", SuppressionReason), "reason"),)
    id: int | None = Field(default=None, sa_column=own_key())
    address_key: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, index=True))
    reason: str = Field(max_length=20)
    note: str = Field(max_length=300)
    at_us: int = Field(sa_column=us())


class InboundCountRow(Row):
    """The number of mails and events of each outcome, and when the last came."""

    __tablename__ = "inbound_count"
    __table_args__ = (CheckConstraint(one_of("outcome", InboundOutcome), "outcome"), {"sqlite_with_rowid": False})
    outcome: str = Field(primary_key=True, max_length=12)
    total: int = Field(sa_column=us())
    last_us: int = Field(sa_column=us())


class WebhookRow(Row):
    """A URL of the settings; one that is not set any more gets no new posts."""

    __tablename__ = "webhook"
    id: int | None = Field(default=None, sa_column=own_key())
    url: str = Field(max_length=500, unique=True)
    is_set: bool = True


class WebhookPostRow(Row):
    """One event for one URL, written with the event; it never holds the address."""

    __tablename__ = "webhook_post"
    __table_args__ = (
        CheckConstraint(one_of("event", WebhookEvent), "event"),
        CheckConstraint(one_of("state", WebhookPostState), "state"),
        Index("ix_webhook_post_waiting", "webhook_id", "not_before_us", sqlite_where=text("state = 'waiting'"),
              postgresql_where=text("state = 'waiting'")),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=own_key())
    webhook_id: int = Field(sa_column=ref("webhook.id"))
    subscriber_id: int = Field(sa_column=ref("subscriber.id", index=True))
    event: str = Field(max_length=30)
    detail: str = Field(max_length=60)
    at_us: int = Field(sa_column=us())
    state: str = Field(max_length=10)
    not_before_us: int = Field(sa_column=us())
    attempts: int
    error: str = Field(max_length=200)
