"""Webhooks and the outbox of their posts."""

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from digestd.domain.webhook import WebhookEvent, WebhookPostState
from digestd.store.tables.columns import Row, one_of, own_key, ref, us


class WebhookRow(Row, table=True):
    """A URL of the settings; one that is not set any more gets no new posts."""

    __tablename__ = "webhook"
    id: int | None = Field(default=None, sa_column=own_key())
    url: str = Field(max_length=500, unique=True)
    is_set: bool = True


class WebhookPostRow(Row, table=True):
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
