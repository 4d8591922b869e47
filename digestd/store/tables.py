"""The rows. Nothing outside the store sees them; domain values go in and out.

The ledger tables (consent_event, suppression, delivery, attempt, seen, due_audit) carry the
constraints that hold whatever the code does; illegal steps of a delivery are refused by
triggers (see migrations).
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from digestd.domain.delivery import Outcome, State
from digestd.domain.interest import Kind, Wish
from digestd.domain.subscriber import Cadence, Status
from digestd.domain.suppression import SuppressionReason

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

_Key = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column(_Key, primary_key=True, autoincrement=True)


def _ref(target: str, *, primary_key: bool = False, index: bool = False, nullable: bool = False) -> Column[int]:
    return Column(_Key, ForeignKey(target), primary_key=primary_key, index=index, nullable=nullable)


def _us(*, primary_key: bool = False, nullable: bool = False) -> Column[int]:
    return Column(BigInteger, primary_key=primary_key, nullable=nullable)


def _one_of(column: str, values: type[State | Outcome | Kind | Wish | Cadence | Status | SuppressionReason]) -> str:
    return f"{column} IN ({', '.join(repr(str(v)) for v in values)})"


class PaperRow(SQLModel, table=True):
    """One work. `revision_id` is its current text; archived papers train the text model only."""

    __tablename__ = "paper"
    __table_args__ = (Index("ix_paper_first_seen_us", "first_seen_us"),)
    id: int | None = Field(default=None, sa_column=_id())
    paper_id: str = Field(unique=True, max_length=400)
    revision_id: int | None = Field(default=None, sa_column=Column(_Key, nullable=True))
    published_us: int = Field(sa_column=_us())
    first_seen_us: int = Field(sa_column=_us())
    archived: bool = False


class AliasRow(SQLModel, table=True):
    """Every identifier a work is known under, its own included."""

    __tablename__ = "paper_alias"
    alias: str = Field(primary_key=True, max_length=400)
    paper: int = Field(sa_column=_ref("paper.id", index=True))


class RevisionRow(SQLModel, table=True):
    """The words of a paper as of one sighting; append-only, so an old digest can be rebuilt."""

    __tablename__ = "revision"
    id: int | None = Field(default=None, sa_column=_id())
    paper: int = Field(sa_column=_ref("paper.id", index=True))
    title: str
    abstract: str
    plain_title: str
    plain_abstract: str
    authors: list[str] = Field(sa_column=Column(JSON, nullable=False))
    categories: list[str] = Field(sa_column=Column(JSON, nullable=False))
    url: str | None = None
    links: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    made_us: int = Field(sa_column=_us())


class SightingRow(SQLModel, table=True):
    """What one source said of a paper; a row per change of its words (`digest` is their hash)."""

    __tablename__ = "sighting"
    __table_args__ = (UniqueConstraint("paper", "source", "digest"),)
    id: int | None = Field(default=None, sa_column=_id())
    paper: int = Field(sa_column=_ref("paper.id"))
    source: str = Field(max_length=200)
    external_id: str = Field(max_length=400)
    version: int | None = None
    announced: str = Field(max_length=20)
    digest: bytes = Field(sa_column=Column(LargeBinary(16), nullable=False))
    record: dict[str, object] = Field(sa_column=Column(JSON, nullable=False))
    seen_us: int = Field(sa_column=_us())


class SignalRow(SQLModel, table=True):
    """A community measure over time; a row only where the value changed."""

    __tablename__ = "signal"
    paper: int = Field(sa_column=_ref("paper.id", primary_key=True))
    name: str = Field(primary_key=True, max_length=40)
    at_us: int = Field(sa_column=_us(primary_key=True))
    value: float


class FetchRow(SQLModel, table=True):
    """What is known of one request to one source: validators for the next, and how the last went."""

    __tablename__ = "fetch"
    source: str = Field(primary_key=True, max_length=200)
    url: str = Field(primary_key=True, max_length=2000)
    etag: str | None = None
    last_modified: str | None = None
    fetched_us: int = Field(sa_column=_us())
    items: int = 0
    error: str | None = None


class PaceRow(SQLModel, table=True):
    """When a host may be asked next, by whatever process."""

    __tablename__ = "pace"
    host: str = Field(primary_key=True, max_length=255)
    next_us: int = Field(sa_column=_us())


class TextModelRow(SQLModel, table=True):
    """A fitted text model; the newest is used."""

    __tablename__ = "text_model"
    id: int | None = Field(default=None, sa_column=_id())
    version: str = Field(max_length=64, unique=True)
    fitted_us: int = Field(sa_column=_us())
    papers: int
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class TemplatesRow(SQLModel, table=True):
    """A set of templates by hash, so that a digest is composed with those it was planned for."""

    __tablename__ = "templates"
    hash: str = Field(primary_key=True, max_length=64)
    files: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))


class SubscriberRow(SQLModel, table=True):
    """An address that asked. `address` goes at erasure; `address_key`, its keyed hash, stays."""

    __tablename__ = "subscriber"
    __table_args__ = (
        CheckConstraint(_one_of("status", Status), "status"),
        CheckConstraint(_one_of("cadence", Cadence), "cadence"),
        CheckConstraint("(address IS NULL) = (status = 'erased')", "address"),
        CheckConstraint("hour BETWEEN 0 AND 23 AND weekday BETWEEN 0 AND 6 AND size BETWEEN 1 AND 50", "settings"),
        Index("ix_subscriber_due", "next_due_us", "id", sqlite_where=text("status = 'active'"),
              postgresql_where=text("status = 'active'")),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=_id())
    address: str | None = Field(default=None, max_length=254)
    address_key: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    status: str = Field(max_length=20)
    version: int = 1
    name: str = Field(default="", max_length=200)
    timezone: str = Field(default="UTC", max_length=64)
    hour: int = Field(default=7, sa_column=Column(SmallInteger, nullable=False))
    cadence: str = Field(default="daily", max_length=10)
    weekday: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False))
    size: int = Field(default=10, sa_column=Column(SmallInteger, nullable=False))
    language: str = Field(default="en", max_length=20)
    created_us: int = Field(sa_column=_us())
    next_due_us: int = Field(sa_column=_us())
    last_date: str | None = Field(default=None, max_length=10)
    last_planned_us: int | None = Field(default=None, sa_column=_us(nullable=True))


class InterestRow(SQLModel, table=True):
    """One thing a subscriber wants more or less of."""

    __tablename__ = "interest"
    __table_args__ = (
        CheckConstraint(_one_of("kind", Kind), "kind"),
        CheckConstraint(_one_of("wish", Wish), "wish"),
        {"sqlite_with_rowid": False},
    )
    subscriber_id: int = Field(sa_column=_ref("subscriber.id", primary_key=True))
    kind: str = Field(primary_key=True, max_length=10)
    value: str = Field(primary_key=True, max_length=500)
    wish: str = Field(max_length=10)
    position: int = 0


class ConsentEventRow(SQLModel, table=True):
    """Append-only: what changed a subscriber's consent, one row a version."""

    __tablename__ = "consent_event"
    __table_args__ = (CheckConstraint(_one_of("status", Status), "status"), {"sqlite_with_rowid": False})
    subscriber_id: int = Field(sa_column=_ref("subscriber.id", primary_key=True))
    version: int = Field(primary_key=True)
    status: str = Field(max_length=20)
    cause: str = Field(max_length=20)
    at_us: int = Field(sa_column=_us())


class SuppressionRow(SQLModel, table=True):
    """An address never to write to, by keyed hash."""

    __tablename__ = "suppression"
    __table_args__ = (CheckConstraint(_one_of("reason", SuppressionReason), "reason"),)
    address_key: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    reason: str = Field(max_length=20)
    at_us: int = Field(sa_column=_us())


class DueAuditRow(SQLModel, table=True):
    """Who was due in one planning transaction: a count, and an order-free hash of (subscriber, key)."""

    __tablename__ = "due_audit"
    id: int | None = Field(default=None, sa_column=_id())
    at_us: int = Field(sa_column=_us())
    due: int
    hash: int = Field(sa_column=_us())


class DeliveryRow(SQLModel, table=True):
    """One mail to one address: the ledger. See domain.delivery for its states."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "kind", "key"),
        CheckConstraint(_one_of("state", State), "state"),
        CheckConstraint("(lease_owner IS NOT NULL) = (state IN ('leased', 'dot'))", "lease"),
        CheckConstraint("sha256 IS NOT NULL OR state NOT IN ('dot', 'accepted', 'uncertain')", "sha256"),
        CheckConstraint("state <> 'accepted' OR reply_code BETWEEN 200 AND 299", "reply"),
        CheckConstraint(
            "reason IS NOT NULL OR state NOT IN "
            "('rejected', 'skipped', 'expired', 'poisoned', 'abandoned', 'uncertain')", "reason"),
        CheckConstraint("expires_us > due_us", "expires"),
        Index("ix_delivery_work", "state", "not_before_us",
              sqlite_where=text("state IN ('ready', 'leased', 'dot')"),
              postgresql_where=text("state IN ('ready', 'leased', 'dot')")),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=_id())
    subscriber_id: int = Field(sa_column=_ref("subscriber.id"))
    kind: str = Field(max_length=10)
    key: str = Field(max_length=40)
    covers_from: str = Field(max_length=40)
    consent_version: int
    state: str = Field(max_length=10)
    message_id: str = Field(unique=True, max_length=320)
    picks: bytes = Field(default=b"", sa_column=Column(LargeBinary, nullable=False))
    considered: int = 0
    template_hash: str = Field(max_length=64)
    sha256: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), nullable=True))
    history: str = ""
    due_us: int = Field(sa_column=_us())
    expires_us: int = Field(sa_column=_us())
    not_before_us: int = Field(sa_column=_us())
    dated_us: int | None = Field(default=None, sa_column=_us(nullable=True))
    attempts: int = 0
    failures: int = 0
    lease_owner: str | None = Field(default=None, max_length=40)
    lease_until_us: int | None = Field(default=None, sa_column=_us(nullable=True))
    reply_code: int | None = None
    reply_text: str | None = Field(default=None, max_length=500)
    relay_qid: str | None = Field(default=None, max_length=60)
    reason: str | None = Field(default=None, max_length=200)
    audit_id: int | None = Field(default=None, sa_column=_ref("due_audit.id", nullable=True))


class AttemptRow(SQLModel, table=True):
    """One try at a delivery; `envelope_from` is its own, so that a bounce names it."""

    __tablename__ = "attempt"
    __table_args__ = (
        CheckConstraint("phase IN ('open', 'dot', 'closed')", "phase"),
        CheckConstraint(_one_of("outcome", Outcome), "outcome"),
        CheckConstraint("(phase = 'closed') = (outcome IS NOT NULL)", "closed"),
        CheckConstraint("outcome <> 'accepted' OR (evidence IS NOT NULL AND dot_us IS NOT NULL)", "accepted"),
        CheckConstraint("outcome <> 'uncertain' OR dot_us IS NOT NULL", "uncertain"),
        Index("uq_attempt_open", "delivery_id", unique=True,
              sqlite_where=text("phase <> 'closed'"), postgresql_where=text("phase <> 'closed'")),
        Index("uq_attempt_accepted", "delivery_id", unique=True,
              sqlite_where=text("outcome = 'accepted'"), postgresql_where=text("outcome = 'accepted'")),
        {"sqlite_with_rowid": False},
    )  # fmt: skip
    delivery_id: int = Field(sa_column=_ref("delivery.id", primary_key=True))
    n: int = Field(primary_key=True)
    owner: str = Field(max_length=40)
    envelope_from: str = Field(unique=True, max_length=320)
    phase: str = Field(max_length=6)
    gate_version: int | None = None
    outcome: str | None = Field(default=None, max_length=10)
    evidence: str | None = Field(default=None, max_length=20)
    code: int | None = None
    text: str | None = Field(default=None, max_length=500)
    opened_us: int = Field(sa_column=_us())
    dot_us: int | None = Field(default=None, sa_column=_us(nullable=True))
    closed_us: int | None = Field(default=None, sa_column=_us(nullable=True))


class SeenRow(SQLModel, table=True):
    """The papers that live or sent digests of a subscriber hold: packed row numbers, 4 bytes each."""

    __tablename__ = "seen"
    subscriber_id: int = Field(sa_column=_ref("subscriber.id", primary_key=True))
    papers: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
