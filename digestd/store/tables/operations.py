"""Operations: API tokens, trials, throttles, alerts, sent journals, bounces, webhooks and their posts."""

from sqlalchemy import Boolean, CheckConstraint, Column, Float, Index, Integer, LargeBinary, String, Table, Text, text

from digestd.domain.bounce import BounceKind, InboundOutcome
from digestd.domain.delivery import SuppressionReason
from digestd.domain.webhook import WebhookEvent, WebhookPostState
from digestd.store.tables.columns import METADATA, one_of, own_key, ref, us

api_token = Table(
    "api_token",
    METADATA,
    own_key(),
    Column("name", String(80), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("scopes", String(60), nullable=False),
    us("created_us"),
    us("revoked_us", nullable=True),
    ref("subscriber_id", "subscriber.id", nullable=True),
)
"""A token with a hash of its secret; a revoked one stays as a record.

`subscriber_id`: the only subscriber that it opens; a token without one is the operator's.
"""


trial = Table(
    "trial",
    METADATA,
    own_key(),
    Column("name", String(60), nullable=False, unique=True),
    Column("weights", Text, nullable=False),
    Column("share", Float, nullable=False),
    us("started_us"),
    us("stopped_us", nullable=True),
    CheckConstraint("share > 0 AND share <= 1", "share"),
)
"""One trial, running until `stopped_us`; each pick keeps its team."""


throttle = Table(
    "throttle",
    METADATA,
    Column("name", String(300), primary_key=True),
    us("free_us"),
    Column("lowered", Float, nullable=False),
    us("slowed_us"),
    Column("before", Float, nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    us("backoff_until_us"),
    Column("error", String(500), nullable=False, default=""),
    sqlite_with_rowid=False,
)
"""One relay (`host:port`) or one recipient domain (`@domain`). See digestd.domain.throttle."""


alert_state = Table(
    "alert_state",
    METADATA,
    Column("event", String(40), primary_key=True),
    Column("known", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""The count at the last alert about an event (`monitoring`), or the minute of one (`subscribers`, `bounces`)."""


sent_journal = Table(
    "sent_journal",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("host", String(255), nullable=False),
    us("generation"),
    Column("server", String(80), nullable=False),
    us("since_us"),
    us("used_us"),
    sqlite_with_rowid=False,
)
"""One sent journal, which is a folder outside the database; see digestd.store.ledger.restore."""


bounce = Table(
    "bounce",
    METADATA,
    Column("key", LargeBinary(32), primary_key=True),
    Column("address_key", LargeBinary(32), nullable=False, index=True),
    Column("kind", String(10), nullable=False),
    Column("via", String(12), nullable=False),
    Column("status", String(12), nullable=False),
    ref("delivery_id", "delivery.id", index=True, nullable=True),
    Column("attempt", Integer),
    us("at_us", index=True),
    # True if it came with unusually many others, so that its address was not suppressed.
    Column("held", Boolean, nullable=False, default=False),
    CheckConstraint(one_of("kind", BounceKind), "kind"),
    Index("ix_bounce_held", "at_us", sqlite_where=text("held"), postgresql_where=text("held")),
    sqlite_with_rowid=False,
)
"""One bounce or complaint; `key` is the same if it is reported again."""


lifted_suppression = Table(
    "lifted_suppression",
    METADATA,
    own_key(),
    Column("address_key", LargeBinary(32), nullable=False, index=True),
    Column("reason", String(20), nullable=False),
    Column("note", String(300), nullable=False),
    us("at_us"),
    CheckConstraint(one_of("reason", SuppressionReason), "reason"),
)
"""A lifted suppression: by fresh consent, or by an operator, with a note."""


inbound_count = Table(
    "inbound_count",
    METADATA,
    Column("outcome", String(12), primary_key=True),
    us("total"),
    us("last_us"),
    CheckConstraint(one_of("outcome", InboundOutcome), "outcome"),
    sqlite_with_rowid=False,
)
"""The number of mails and events of each outcome, and when the last came."""


webhook = Table(
    "webhook",
    METADATA,
    own_key(),
    Column("url", String(500), nullable=False, unique=True),
    Column("is_set", Boolean, nullable=False, default=True),
)
"""A URL of the settings; one that is not set any more gets no new posts."""


webhook_post = Table(
    "webhook_post",
    METADATA,
    own_key(),
    ref("webhook_id", "webhook.id"),
    ref("subscriber_id", "subscriber.id", index=True),
    Column("event", String(30), nullable=False),
    Column("detail", String(60), nullable=False),
    us("at_us"),
    Column("state", String(10), nullable=False),
    us("not_before_us"),
    Column("attempts", Integer, nullable=False),
    Column("error", String(200), nullable=False),
    CheckConstraint(one_of("event", WebhookEvent), "event"),
    CheckConstraint(one_of("state", WebhookPostState), "state"),
    Index("ix_webhook_post_waiting", "webhook_id", "not_before_us", sqlite_where=text("state = 'waiting'"),
              postgresql_where=text("state = 'waiting'")),
)  # fmt: skip
"""One event for one URL, written with the event; it never holds the address."""
