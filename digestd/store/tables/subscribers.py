"""Subscribers: address, settings, interests, feedback, consent, and the papers that they brought along."""

from typing import Any

from annotated_types import MaxLen
from pydantic.fields import FieldInfo
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field

from digestd.domain.interest import Kind, Stance, Verdict
from digestd.domain.library import EntryStatus, LibraryProvider, LibraryState
from digestd.domain.reference import LookupState
from digestd.domain.subscriber import Cadence, MinScore, Preferences, Status
from digestd.store.tables.columns import KEY, Row, one_of, own_key, ref, us

_WORD_MAX = 10
"""Characters of a column with one word of a choice."""
INTEREST_VALUE = String(1_000).with_variant(String(500), "sqlite")
"""SQLite knows no length of text, and would have to copy the table to change it."""
_NAMED = tuple(kind for kind in Kind if kind is not Kind.PAPER)


def _preference(name: str, definition: FieldInfo) -> Column[Any]:
    """Return the column of a preference."""
    if definition.annotation is bool:
        return Column(name, Boolean, nullable=False)
    if definition.annotation is int or name == "weekday":
        return Column(name, SmallInteger, nullable=False)
    length = next((limit.max_length for limit in definition.metadata if isinstance(limit, MaxLen)), _WORD_MAX)
    return Column(name, String(length), nullable=False)


class SubscriberRow(Row):
    """A subscriber, with one column for each of their `Preferences`.

    Erasure clears `address`; `address_key` is its keyed hash.
    """

    __tablename__ = "subscriber"
    __table_args__ = (
        *(_preference(*one) for one in Preferences.model_fields.items()),
        Column("explore", Boolean, nullable=False, default=True),  # read by earlier releases alone
        CheckConstraint(one_of("status", Status), "status"),
        CheckConstraint(one_of("cadence", Cadence), "cadence"),
        CheckConstraint(one_of("min_score", MinScore), "min_score"),
        CheckConstraint("(address IS NULL) = (status = 'erased')", "address"),
        CheckConstraint("hour BETWEEN 0 AND 23 AND weekday BETWEEN 0 AND 6 AND size BETWEEN 1 AND 50", "settings"),
        Index("ix_subscriber_due", "next_due_us", "id", sqlite_where=text("status = 'active'"),
              postgresql_where=text("status = 'active'")),
        Index("ix_subscriber_pause", "paused_until_us", sqlite_where=text("paused_until_us IS NOT NULL"),
              postgresql_where=text("paused_until_us IS NOT NULL")),
        Index("ix_subscriber_empty", "empty_until_us", "horizon", "last_planned_us", "next_due_us",
              sqlite_where=text("status = 'active' AND empty_until_us IS NOT NULL"),
              postgresql_where=text("status = 'active' AND empty_until_us IS NOT NULL")),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=own_key())
    address: str | None = Field(default=None, max_length=254)
    address_key: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    status: str = Field(max_length=20)
    version: int = 1
    created_us: int = Field(sa_column=us())
    next_due_us: int = Field(sa_column=us())
    last_date: str | None = Field(default=None, max_length=10)
    last_planned_us: int | None = Field(default=None, sa_column=us(nullable=True))
    horizon: int | None = Field(default=None, sa_column=us(nullable=True))
    """The highest paper row number that the newest digest was chosen from."""
    empty_until_us: int | None = Field(default=None, sa_column=us(nullable=True))
    """If the newest digest is empty: the end of the subscriber's day, until which papers may still fill it."""
    wants: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """Raised by every change of interests or feedback."""
    paused_until_us: int | None = Field(default=None, sa_column=us(nullable=True))
    links_from_us: int = Field(default=0, sa_column=us())
    """Links to the preferences that were issued before are void."""


class InterestRow(Row):
    """One interest, liked or muted."""

    __tablename__ = "interest"
    __table_args__ = (
        CheckConstraint(one_of("kind", Kind), "kind"),
        CheckConstraint(one_of("stance", Stance), "stance"),
        {"sqlite_with_rowid": False},
    )
    subscriber_id: int = Field(sa_column=ref("subscriber.id", primary_key=True))
    kind: str = Field(primary_key=True, max_length=12)
    value: str = Field(sa_column=Column(INTEREST_VALUE, primary_key=True))
    stance: str = Field(max_length=10)
    position: int = 0
    since_us: int | None = Field(default=None, sa_column=us(nullable=True))


class ProfileRow(Row):
    """A profile compiled by the text model `model`, valid while `wants` is unchanged; can be made again."""

    __tablename__ = "profile"
    subscriber_id: int = Field(sa_column=ref("subscriber.id", primary_key=True))
    model: str = Field(primary_key=True, max_length=64)
    form: str = Field(max_length=100)
    wants: int = Field(sa_column=Column(BigInteger, nullable=False))
    papers: str = Field(sa_column=Column(Text, nullable=False))
    record: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class FeedbackRow(Row):
    """A verdict on a paper: append-only but for `undone_us`, and for what else is known of a saved paper.

    That is the reader's tags and note, and `known_revision`, the newest revision that they know, from saving it or by a
    digest.
    """

    __tablename__ = "feedback"
    __table_args__ = (CheckConstraint(one_of("verdict", Verdict), "verdict"),)
    id: int | None = Field(default=None, sa_column=own_key())
    subscriber_id: int = Field(sa_column=ref("subscriber.id", index=True))
    paper: int = Field(sa_column=ref("paper.id", index=True))
    verdict: str = Field(max_length=10)
    at_us: int = Field(sa_column=us())
    undone_us: int | None = Field(default=None, sa_column=us(nullable=True))
    tags: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    note: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    known_revision: int | None = Field(default=None, sa_column=Column(KEY, nullable=True))


class CalibrationRow(Row):
    """A calibration of probabilities of relevance; the newest is used."""

    __tablename__ = "calibration"
    id: int | None = Field(default=None, sa_column=own_key())
    fitted_us: int = Field(sa_column=us())
    events: int
    data: dict[str, float] = Field(sa_column=Column(JSON, nullable=False))


class MutingRow(Row):
    """A muting from a paper: append-only but for `undone_us`."""

    __tablename__ = "muting"
    __table_args__ = (CheckConstraint(one_of("kind", _NAMED), "kind"),)
    id: int | None = Field(default=None, sa_column=own_key())
    subscriber_id: int = Field(sa_column=ref("subscriber.id", index=True))
    paper: int = Field(sa_column=ref("paper.id", index=True))
    kind: str = Field(max_length=12)
    value: str = Field(sa_column=Column(INTEREST_VALUE, nullable=False))
    at_us: int = Field(sa_column=us())
    undone_us: int | None = Field(default=None, sa_column=us(nullable=True))


class SavedListLinkRow(Row):
    """Number of renewals of the secret link to the saved list; no row means none."""

    __tablename__ = "saved_list_link"
    subscriber_id: int = Field(sa_column=ref("subscriber.id", primary_key=True))
    version: int


class ConsentEventRow(Row):
    """Append-only, by trigger: what changed a subscriber's consent, one row a version.

    `network`: the keyed hash of where it was said from, gone with erasure; `wording`: which words were shown.
    """

    __tablename__ = "consent_event"
    __table_args__ = (CheckConstraint(one_of("status", Status), "status"), {"sqlite_with_rowid": False})
    subscriber_id: int = Field(sa_column=ref("subscriber.id", primary_key=True))
    version: int = Field(primary_key=True)
    status: str = Field(max_length=20)
    cause: str = Field(max_length=20)
    at_us: int = Field(sa_column=us())
    network: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), nullable=True))
    wording: str | None = Field(default=None, max_length=64)


class ConsentWordingRow(Row):
    """Append-only, by trigger: wordings of consent under their SHA-256."""

    __tablename__ = "consent_wording"
    __table_args__ = ({"sqlite_with_rowid": False},)
    hash: str = Field(primary_key=True, max_length=64)
    text: str = Field(sa_column=Column(Text, nullable=False))


class AddressChangeRow(Row):
    """A requested address; the row goes once both sides confirm, or after two days."""

    __tablename__ = "address_change"
    subscriber_id: int = Field(sa_column=ref("subscriber.id", primary_key=True))
    address: str = Field(max_length=254)
    address_key: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    requested_us: int = Field(sa_column=us())
    old_confirmed_us: int | None = Field(default=None, sa_column=us(nullable=True))
    new_confirmed_us: int | None = Field(default=None, sa_column=us(nullable=True))


class CausedMailRow(Row):
    """A mail that somebody other than digestd caused, which counts against the budgets of domain/mail_budget.

    `address_key`: of the recipient; `network`: the keyed hash of the client's network, gone after a day.
    """

    __tablename__ = "caused_mail"
    __table_args__ = (
        *(Index(f"ix_caused_mail_{column}", column, "at_us") for column in ("address_key", "causer", "network")),
        Index("ix_caused_mail_pool", "pool", "at_us"),
    )
    id: int | None = Field(default=None, sa_column=own_key())
    pool: str = Field(max_length=10)
    address_key: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    causer: str = Field(default="", max_length=40)
    network: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), nullable=True))
    at_us: int = Field(sa_column=us(index=True))


class PendingRequestRow(Row):
    """The request of one confirmation mail, applied only when that mail is confirmed.

    `n` numbers the requests of a subscriber and names the mail; `version`: their consent version when it was asked;
    `record`: the settings and interests as JSON, NULL once they are applied or too old. Rows stay, so that no number
    is used twice.
    """

    __tablename__ = "pending_request"
    __table_args__ = ({"sqlite_with_rowid": False},)
    subscriber_id: int = Field(sa_column=ref("subscriber.id", primary_key=True))
    n: int = Field(primary_key=True)
    version: int
    record: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    cause: str = Field(max_length=20)
    network: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), nullable=True))
    wording: str | None = Field(default=None, max_length=64)
    at_us: int = Field(sa_column=us(index=True))


class ChatTargetRow(Row):
    """A chat room that gets the digests of a subscriber, set by the operator.

    `sealed` is its encrypted URL, `label` has no secrets. `failures`: digests in a row that it did not take, the last
    time because of `problem`.
    """

    __tablename__ = "chat_target"
    subscriber_id: int = Field(sa_column=ref("subscriber.id", primary_key=True))
    label: str = Field(max_length=300)
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    set_us: int = Field(sa_column=us())
    failures: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    problem: str | None = Field(default=None, max_length=200)


class GroupRow(Row):
    """A group of subscribers with shared interests."""

    __tablename__ = "subscriber_group"
    id: int | None = Field(default=None, sa_column=own_key())
    name: str = Field(max_length=100, unique=True)
    created_us: int = Field(sa_column=us())


class GroupInterestRow(Row):
    """A shared interest of a group, in the order of `position`."""

    __tablename__ = "group_interest"
    __table_args__ = (
        CheckConstraint(one_of("kind", _NAMED), "kind"),
        CheckConstraint(one_of("stance", Stance), "stance"),
        {"sqlite_with_rowid": False},
    )
    group_id: int = Field(sa_column=ref("subscriber_group.id", primary_key=True))
    kind: str = Field(primary_key=True, max_length=12)
    value: str = Field(sa_column=Column(INTEREST_VALUE, primary_key=True))
    stance: str = Field(max_length=10)
    position: int = 0
    since_us: int = Field(sa_column=us())


class GroupMemberRow(Row):
    """A membership. `shared_us`: when the member agreed to share; NULL means that nothing of theirs is shared.

    `is_named` is no longer used.
    """

    __tablename__ = "group_member"
    __table_args__ = (
        CheckConstraint("NOT is_list OR (shared_us IS NULL AND NOT is_named)", "list"),
        {"sqlite_with_rowid": False},
    )
    subscriber_id: int = Field(sa_column=ref("subscriber.id", primary_key=True))
    group_id: int = Field(sa_column=ref("subscriber_group.id", primary_key=True, index=True))
    is_list: bool = False
    joined_us: int = Field(sa_column=us())
    shared_us: int | None = Field(default=None, sa_column=us(nullable=True))
    is_named: bool = False


class LibraryRow(Row):
    """A library at its provider; `sealed` is the encrypted key to it."""

    __tablename__ = "library"
    __table_args__ = (
        CheckConstraint(one_of("provider", LibraryProvider), "provider"),
        CheckConstraint(one_of("state", LibraryState), "state"),
        UniqueConstraint("subscriber_id", "provider", "place"),
        Index("ix_library_next", "next_us", sqlite_where=text("state = 'linked'"),
              postgresql_where=text("state = 'linked'")),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=own_key())
    subscriber_id: int = Field(sa_column=ref("subscriber.id"))
    provider: str = Field(max_length=10)
    place: str = Field(max_length=40)
    sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    may_write: bool = False
    state: str = Field(max_length=10)
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
    linked_us: int = Field(sa_column=us())
    next_us: int = Field(sa_column=us())
    """Time of the next sync. A reader moves it on first, so that no other process reads as well."""
    synced_us: int | None = Field(default=None, sa_column=us(nullable=True))
    failures: int = 0
    why: str = Field(default="", max_length=300)
    saving: dict[str, object] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    """The adding of saved papers to it: a Saving."""


class LibraryEntryRow(Row):
    """An entry of a library, the paper it names, and its effect."""

    __tablename__ = "library_entry"
    __table_args__ = (CheckConstraint(one_of("status", EntryStatus), "status"), {"sqlite_with_rowid": False})
    library_id: int = Field(sa_column=ref("library.id", primary_key=True))
    name: str = Field(primary_key=True, max_length=40)
    paper: str = Field(max_length=500)
    day: str = Field(max_length=10)
    status: str = Field(max_length=10)


class ReferenceRow(Row):
    """A paper that a subscriber brought along: its words, and what the models in use derived from them.

    `terms` is derived by the text model `model`, `other_terms` by another one, `vector` by the dense model `encoder`.
    All are personal data too and are deleted with the row. `added_us` changes with the words.
    """

    __tablename__ = "reference"
    subscriber_id: int = Field(sa_column=ref("subscriber.id", primary_key=True))
    name: str = Field(primary_key=True, max_length=500)
    ids: list[str] = Field(sa_column=Column(JSON, nullable=False))
    title: str = Field(sa_column=Column(Text, nullable=False))
    abstract: str = Field(sa_column=Column(Text, nullable=False))
    authors: list[str] = Field(sa_column=Column(JSON, nullable=False))
    added_us: int = Field(sa_column=us())
    model: str | None = Field(default=None, max_length=64)
    terms: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    other_model: str | None = Field(default=None, max_length=64)
    other_terms: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    encoder: str | None = Field(default=None, max_length=80)
    vector: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


class PaperLookupRow(Row):
    """A paper that an interest of a subscriber names and that is not known yet.

    `next_us`: when it is looked up next, or None if not any more. A reader moves it on first.
    """

    __tablename__ = "paper_lookup"
    __table_args__ = (
        CheckConstraint(one_of("state", LookupState), "state"),
        Index("ix_paper_lookup_next", "next_us", sqlite_where=text("next_us IS NOT NULL"),
              postgresql_where=text("next_us IS NOT NULL")),
    )  # fmt: skip
    subscriber_id: int = Field(sa_column=ref("subscriber.id", primary_key=True))
    name: str = Field(primary_key=True, max_length=500)
    state: str = Field(max_length=10)
    requested_us: int = Field(sa_column=us())
    next_us: int | None = Field(default=None, sa_column=us(nullable=True))
    failures: int = 0
