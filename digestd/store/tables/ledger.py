"""The ledger.

Suppressions, who was due, deliveries, attempts, and what each subscriber has had.

Its constraints hold whatever the code does; triggers refuse illegal changes of a delivery's state
(see migrations/versions/0001_initial.py).
"""

from sqlalchemy import JSON, CheckConstraint, Column, Index, Integer, LargeBinary, String, Table, UniqueConstraint, text

from digestd.domain.delivery import Outcome, State, SuppressionReason
from digestd.store.tables.columns import METADATA, one_of, own_key, ref, us

AT_WORK = (State.READY, State.LEASED, State.FINAL_DOT, State.POISONED)
"""Condition for open deliveries: few of all, found by an index of their own."""
LEFT = (State.FINAL_DOT, State.ACCEPTED, State.UNCERTAIN)
UNSUCCESSFUL = (Outcome.TEMP, Outcome.PERM, Outcome.NOT_SENT, Outcome.ABORTED)
"""Outcomes after which there can be another attempt."""
REASONED = (State.REJECTED, State.SKIPPED, State.EXPIRED, State.POISONED, State.ABANDONED, State.UNCERTAIN)


suppression = Table(
    "suppression",
    METADATA,
    Column("address_key", LargeBinary(32), primary_key=True),
    Column("reason", String(20), nullable=False),
    us("at_us"),
    CheckConstraint(one_of("reason", SuppressionReason), "reason"),
)
"""An address that must not be written to, by keyed hash."""


due_audit = Table(
    "due_audit",
    METADATA,
    own_key(),
    us("at_us"),
    Column("due", Integer, nullable=False),
    us("hash"),
)
"""The due subscribers of one planning transaction: count, and order-free hash."""


delivery = Table(
    "delivery",
    METADATA,
    own_key(),
    ref("subscriber_id", "subscriber.id"),
    Column("kind", String(18), nullable=False),
    Column("key", String(40), nullable=False),
    # Whom it goes to, if that is not the subscriber's own address: see address_change.
    Column("recipient_key", LargeBinary(32), nullable=True),
    Column("covers_from", String(40), nullable=False),
    Column("consent_version", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("message_id", String(320), nullable=False, unique=True),
    Column("picks", LargeBinary, nullable=False),
    Column("considered", Integer, nullable=False, default=0),
    Column("coverage", JSON, nullable=False),
    # The occasions of a digest: values of Occasion, and the revision that everybody reads, joined by blanks.
    Column("occasions", String(80), nullable=False, server_default=""),
    Column("template_hash", String(64), nullable=False),
    Column("sha256", LargeBinary(32), nullable=True),
    Column("history", String, nullable=False, default=""),
    us("due_us"),
    us("expires_us"),
    us("not_before_us"),
    us("dated_us", nullable=True),
    Column("attempts", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    us("lease_until_us", nullable=True),
    # The worker of the last attempt, which holds the lease as long as there is one.
    Column("owner", String(40)),
    Column("relay", String(300)),
    # The subscriber's consent version at the commit point.
    Column("checked_version", Integer),
    Column("outcome", String(10)),
    Column("evidence", String(20)),
    us("opened_us", nullable=True),
    us("final_dot_us", nullable=True),
    us("closed_us", nullable=True),
    Column("reply_code", Integer),
    Column("reply_text", String(500)),
    Column("relay_qid", String(60)),
    Column("reason", String(200)),
    ref("audit_id", "due_audit.id", nullable=True),
    ref("model_id", "text_model.id", nullable=True),
    # The digest that links to this one, which may not have arrived.
    us("offered_in", nullable=True),
    UniqueConstraint("subscriber_id", "kind", "key"),
    CheckConstraint(one_of("state", State), "state"),
    CheckConstraint("(lease_until_us IS NOT NULL) = (state IN ('leased', 'final_dot'))", "lease"),
    CheckConstraint("owner IS NOT NULL OR lease_until_us IS NULL", "owner"),
    CheckConstraint(f"sha256 IS NOT NULL OR NOT {one_of('state', LEFT)}", "sha256"),
    CheckConstraint("state <> 'accepted' OR reply_code BETWEEN 200 AND 299", "reply"),
    CheckConstraint(f"reason IS NOT NULL OR NOT {one_of('state', REASONED)}", "reason"),
    CheckConstraint("expires_us > due_us", "expires"),
    CheckConstraint(one_of("outcome", Outcome), "outcome"),
    CheckConstraint("(outcome IS NOT NULL) = (closed_us IS NOT NULL)", "closed"),
    CheckConstraint("outcome <> 'accepted' OR (evidence IS NOT NULL AND final_dot_us IS NOT NULL)", "accepted"),
    CheckConstraint("outcome <> 'uncertain' OR final_dot_us IS NOT NULL", "uncertain"),
    Index("ix_delivery_work", "state", "not_before_us",
              sqlite_where=text(one_of("state", AT_WORK)), postgresql_where=text(one_of("state", AT_WORK))),
    Index("ix_delivery_uncertain", "subscriber_id",
              sqlite_where=text("state = 'uncertain'"), postgresql_where=text("state = 'uncertain'")),
    Index("ix_delivery_offered", "offered_in",
              sqlite_where=text("offered_in IS NOT NULL"), postgresql_where=text("offered_in IS NOT NULL")),
)  # fmt: skip
"""One mail to one address, with the last attempt at it; see domain.delivery for its states."""


earlier_attempt = Table(
    "earlier_attempt",
    METADATA,
    ref("delivery_id", "delivery.id", primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("owner", String(40), nullable=False),
    Column("relay", String(300)),
    Column("consent_version", Integer),
    Column("outcome", String(10), nullable=False),
    Column("evidence", String(20)),
    Column("code", Integer),
    Column("text", String(500)),
    us("opened_us"),
    us("final_dot_us", nullable=True),
    us("closed_us"),
    CheckConstraint(one_of("outcome", UNSUCCESSFUL), "outcome"),
    sqlite_with_rowid=False,
)
"""An attempt at a delivery that another attempt followed; the view `attempt` has all attempts."""


seen_papers = Table(
    "seen_papers",
    METADATA,
    ref("subscriber_id", "subscriber.id", primary_key=True),
    Column("papers", LargeBinary, nullable=False),
)
"""The papers in live or sent digests of a subscriber: packed row numbers."""


returning_papers = Table(
    "returning_papers",
    METADATA,
    ref("subscriber_id", "subscriber.id", primary_key=True),
    Column("hashes", LargeBinary, nullable=False),
    us("until_us"),
)
"""Papers that a subscriber has had and that are not in the database; see digestd.store.ledger.seen_papers."""


reply = Table(
    "reply",
    METADATA,
    ref("delivery_id", "delivery.id", primary_key=True),
    Column("lines", JSON, nullable=False),
    Column("answers", String(260), nullable=False, default=""),
    Column("asks", JSON, nullable=False),
)
"""The content of a reply, and the commands it asks to confirm."""
