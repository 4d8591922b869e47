"""The ledger.

Suppressions, who was due, deliveries, attempts, and what each subscriber has had.

Its constraints hold whatever the code does; triggers refuse illegal changes of a delivery's state
(see migrations/versions/0001_initial.py).
"""

from sqlalchemy import JSON, CheckConstraint, Column, Index, LargeBinary, String, UniqueConstraint, text
from sqlmodel import Field

from digestd.domain.delivery import Outcome, State, SuppressionReason
from digestd.store.tables.columns import Row, one_of, own_key, ref, us

AT_WORK = (State.READY, State.LEASED, State.FINAL_DOT, State.POISONED)
"""Condition for open deliveries: few of all, found by an index of their own."""
PROGRAMME = "kind = 'programme'"
LEFT = (State.FINAL_DOT, State.ACCEPTED, State.UNCERTAIN)
UNSUCCESSFUL = (Outcome.TEMP, Outcome.PERM, Outcome.NOT_SENT, Outcome.ABORTED)
"""Outcomes after which there can be another attempt."""
REASONED = (State.REJECTED, State.SKIPPED, State.EXPIRED, State.POISONED, State.ABANDONED, State.UNCERTAIN)


class SuppressionRow(Row):
    """An address that must not be written to, by keyed hash."""

    __tablename__ = "suppression"
    __table_args__ = (CheckConstraint(one_of("reason", SuppressionReason), "reason"),)
    address_key: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    reason: str = Field(max_length=20)
    at_us: int = Field(sa_column=us())


class DueAuditRow(Row):
    """The due subscribers of one planning transaction: count, and order-free hash."""

    __tablename__ = "due_audit"
    id: int | None = Field(default=None, sa_column=own_key())
    at_us: int = Field(sa_column=us())
    due: int
    hash: int = Field(sa_column=us())


class DeliveryRow(Row):
    """One mail to one address, with the last attempt at it; see domain.delivery for its states."""

    __tablename__ = "delivery"
    __table_args__ = (
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
        Index("ix_delivery_programme", "key", sqlite_where=text(PROGRAMME), postgresql_where=text(PROGRAMME)),
        Index("ix_delivery_offered", "offered_in",
              sqlite_where=text("offered_in IS NOT NULL"), postgresql_where=text("offered_in IS NOT NULL")),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=own_key())
    subscriber_id: int = Field(sa_column=ref("subscriber.id"))
    kind: str = Field(max_length=18)
    key: str = Field(max_length=40)
    recipient_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), nullable=True))
    """Whom it goes to, if that is not the subscriber's own address: see AddressChangeRow."""
    covers_from: str = Field(max_length=40)
    consent_version: int
    state: str = Field(max_length=10)
    message_id: str = Field(unique=True, max_length=320)
    picks: bytes = Field(default=b"", sa_column=Column(LargeBinary, nullable=False))
    considered: int = 0
    coverage: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    occasions: str = Field(default="", sa_column=Column(String(80), nullable=False, server_default=""))
    """The occasions of a digest: values of Occasion, and the revision that everybody reads, joined by blanks."""
    template_hash: str = Field(max_length=64)
    sha256: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), nullable=True))
    history: str = ""
    due_us: int = Field(sa_column=us())
    expires_us: int = Field(sa_column=us())
    not_before_us: int = Field(sa_column=us())
    dated_us: int | None = Field(default=None, sa_column=us(nullable=True))
    attempts: int = 0
    failures: int = 0
    lease_until_us: int | None = Field(default=None, sa_column=us(nullable=True))
    owner: str | None = Field(default=None, max_length=40)
    """The worker of the last attempt, which holds the lease as long as there is one."""
    relay: str | None = Field(default=None, max_length=300)
    checked_version: int | None = None
    """The subscriber's consent version at the commit point."""
    outcome: str | None = Field(default=None, max_length=10)
    evidence: str | None = Field(default=None, max_length=20)
    opened_us: int | None = Field(default=None, sa_column=us(nullable=True))
    final_dot_us: int | None = Field(default=None, sa_column=us(nullable=True))
    closed_us: int | None = Field(default=None, sa_column=us(nullable=True))
    reply_code: int | None = None
    reply_text: str | None = Field(default=None, max_length=500)
    relay_qid: str | None = Field(default=None, max_length=60)
    reason: str | None = Field(default=None, max_length=200)
    audit_id: int | None = Field(default=None, sa_column=ref("due_audit.id", nullable=True))
    model_id: int | None = Field(default=None, sa_column=ref("text_model.id", nullable=True))
    offered_in: int | None = Field(default=None, sa_column=us(nullable=True))
    """The digest that links to this one, which may not have arrived."""


class EarlierAttemptRow(Row):
    """An attempt at a delivery that another attempt followed; the view `attempt` has all attempts."""

    __tablename__ = "earlier_attempt"
    __table_args__ = (
        CheckConstraint(one_of("outcome", UNSUCCESSFUL), "outcome"),
        {"sqlite_with_rowid": False},
    )
    delivery_id: int = Field(sa_column=ref("delivery.id", primary_key=True))
    n: int = Field(primary_key=True)
    owner: str = Field(max_length=40)
    relay: str | None = Field(default=None, max_length=300)
    consent_version: int | None = None
    outcome: str = Field(max_length=10)
    evidence: str | None = Field(default=None, max_length=20)
    code: int | None = None
    text: str | None = Field(default=None, max_length=500)
    opened_us: int = Field(sa_column=us())
    final_dot_us: int | None = Field(default=None, sa_column=us(nullable=True))
    closed_us: int = Field(sa_column=us())


class SeenPapersRow(Row):
    """The papers in live or sent digests of a subscriber: packed row numbers."""

    __tablename__ = "seen_papers"
    subscriber_id: int = Field(sa_column=ref("subscriber.id", primary_key=True))
    papers: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ReturningPapersRow(Row):
    """Papers that a subscriber has had and that are not in the database; see digestd.store.ledger.seen_papers."""

    __tablename__ = "returning_papers"
    subscriber_id: int = Field(sa_column=ref("subscriber.id", primary_key=True))
    hashes: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    until_us: int = Field(sa_column=us())


class ReplyRow(Row):
    """The content of a reply, and the commands it asks to confirm."""

    __tablename__ = "reply"
    delivery_id: int = Field(sa_column=ref("delivery.id", primary_key=True))
    lines: list[list[str]] = Field(sa_column=Column(JSON, nullable=False))
    answers: str = Field(default="", max_length=260)
    asks: list[list[str | None]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
