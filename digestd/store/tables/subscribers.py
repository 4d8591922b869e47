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
    Table,
    Text,
    UniqueConstraint,
    text,
)

from digestd.domain.interest import Kind, Stance, Verdict
from digestd.domain.library import EntryStatus, LibraryProvider, LibraryState
from digestd.domain.reference import LookupState
from digestd.domain.subscriber import Cadence, MinScore, Preferences, Status
from digestd.store.tables.columns import KEY, METADATA, one_of, own_key, ref, us

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


subscriber = Table(
    "subscriber",
    METADATA,
    own_key(),
    Column("address", String(254)),
    Column("address_key", LargeBinary(32), nullable=False, unique=True),
    Column("status", String(20), nullable=False),
    Column("version", Integer, nullable=False, default=1),
    us("created_us"),
    us("next_due_us"),
    Column("last_date", String(10)),
    us("last_planned_us", nullable=True),
    # The highest paper row number that the newest digest was chosen from.
    us("horizon", nullable=True),
    # If the newest digest is empty: the end of the subscriber's day, until which papers may still fill it.
    us("empty_until_us", nullable=True),
    # Raised by every change of interests or feedback.
    Column("wants", BigInteger, nullable=False),
    us("paused_until_us", nullable=True),
    # Links to the preferences that were issued before are void.
    us("links_from_us"),
    *(_preference(*one) for one in Preferences.model_fields.items()),
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
"""A subscriber, with one column for each of their `Preferences`.

Erasure clears `address`; `address_key` is its keyed hash.
"""


interest = Table(
    "interest",
    METADATA,
    ref("subscriber_id", "subscriber.id", primary_key=True),
    Column("kind", String(12), primary_key=True),
    Column("value", INTEREST_VALUE, primary_key=True),
    Column("stance", String(10), nullable=False),
    Column("position", Integer, nullable=False, default=0),
    us("since_us", nullable=True),
    CheckConstraint(one_of("kind", Kind), "kind"),
    CheckConstraint(one_of("stance", Stance), "stance"),
    sqlite_with_rowid=False,
)
"""One interest, liked or muted."""


profile = Table(
    "profile",
    METADATA,
    ref("subscriber_id", "subscriber.id", primary_key=True),
    Column("model", String(64), primary_key=True),
    Column("form", String(100), nullable=False),
    Column("wants", BigInteger, nullable=False),
    Column("papers", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),
)
"""A profile compiled by the text model `model`, valid while `wants` is unchanged; can be made again."""


feedback = Table(
    "feedback",
    METADATA,
    own_key(),
    ref("subscriber_id", "subscriber.id", index=True),
    ref("paper", "paper.id", index=True),
    Column("verdict", String(10), nullable=False),
    us("at_us"),
    us("undone_us", nullable=True),
    Column("tags", JSON(none_as_null=True), nullable=True),
    Column("note", Text, nullable=True),
    Column("known_revision", KEY, nullable=True),
    CheckConstraint(one_of("verdict", Verdict), "verdict"),
)
"""A verdict on a paper: append-only but for `undone_us`, and for what else is known of a saved paper.

That is the reader's tags and note, and `known_revision`, the newest revision that they know, from saving it or by a
digest.
"""


calibration = Table(
    "calibration",
    METADATA,
    own_key(),
    us("fitted_us"),
    Column("events", Integer, nullable=False),
    Column("data", JSON, nullable=False),
)
"""A calibration of probabilities of relevance; the newest is used."""


muting = Table(
    "muting",
    METADATA,
    own_key(),
    ref("subscriber_id", "subscriber.id", index=True),
    ref("paper", "paper.id", index=True),
    Column("kind", String(12), nullable=False),
    Column("value", INTEREST_VALUE, nullable=False),
    us("at_us"),
    us("undone_us", nullable=True),
    CheckConstraint(one_of("kind", _NAMED), "kind"),
)
"""A muting from a paper: append-only but for `undone_us`."""


saved_list_link = Table(
    "saved_list_link",
    METADATA,
    ref("subscriber_id", "subscriber.id", primary_key=True),
    Column("version", Integer, nullable=False),
)
"""Number of renewals of the secret link to the saved list; no row means none."""


consent_event = Table(
    "consent_event",
    METADATA,
    ref("subscriber_id", "subscriber.id", primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("status", String(20), nullable=False),
    Column("cause", String(20), nullable=False),
    us("at_us"),
    Column("network", LargeBinary(32), nullable=True),
    Column("wording", String(64)),
    CheckConstraint(one_of("status", Status), "status"),
    sqlite_with_rowid=False,
)
"""Append-only, by trigger: what changed a subscriber's consent, one row a version.

`network`: the keyed hash of where it was said from, gone with erasure; `wording`: which words were shown.
"""


consent_wording = Table(
    "consent_wording",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Append-only, by trigger: wordings of consent under their SHA-256."""


address_change = Table(
    "address_change",
    METADATA,
    ref("subscriber_id", "subscriber.id", primary_key=True),
    Column("address", String(254), nullable=False),
    Column("address_key", LargeBinary(32), nullable=False),
    us("requested_us"),
    us("old_confirmed_us", nullable=True),
    us("new_confirmed_us", nullable=True),
)
"""A requested address; the row goes once both sides confirm, or after two days."""


caused_mail = Table(
    "caused_mail",
    METADATA,
    own_key(),
    Column("pool", String(10), nullable=False),
    Column("address_key", LargeBinary(32), nullable=False),
    Column("causer", String(40), nullable=False, default=""),
    Column("network", LargeBinary(32), nullable=True),
    us("at_us", index=True),
    *(Index(f"ix_caused_mail_{column}", column, "at_us") for column in ("address_key", "causer", "network")),
    Index("ix_caused_mail_pool", "pool", "at_us"),
)
"""A mail that somebody other than digestd caused, which counts against the budgets of domain/mail_budget.

`address_key`: of the recipient; `network`: the keyed hash of the client's network, gone after a day.
"""


pending_request = Table(
    "pending_request",
    METADATA,
    ref("subscriber_id", "subscriber.id", primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("record", Text, nullable=True),
    Column("cause", String(20), nullable=False),
    Column("network", LargeBinary(32), nullable=True),
    Column("wording", String(64)),
    us("at_us", index=True),
    sqlite_with_rowid=False,
)
"""The request of one confirmation mail, applied only when that mail is confirmed.

`n` numbers the requests of a subscriber and names the mail; `version`: their consent version when it was asked;
`record`: the settings and interests as JSON, NULL once they are applied or too old. Rows stay, so that no number
is used twice.
"""


chat_target = Table(
    "chat_target",
    METADATA,
    ref("subscriber_id", "subscriber.id", primary_key=True),
    Column("label", String(300), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    us("set_us"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("problem", String(200)),
)
"""A chat room that gets the digests of a subscriber, set by the operator.

`sealed` is its encrypted URL, `label` has no secrets. `failures`: digests in a row that it did not take, the last
time because of `problem`.
"""


subscriber_group = Table(
    "subscriber_group",
    METADATA,
    own_key(),
    Column("name", String(100), nullable=False, unique=True),
    us("created_us"),
)
"""A group of subscribers with shared interests."""


group_interest = Table(
    "group_interest",
    METADATA,
    ref("group_id", "subscriber_group.id", primary_key=True),
    Column("kind", String(12), primary_key=True),
    Column("value", INTEREST_VALUE, primary_key=True),
    Column("stance", String(10), nullable=False),
    Column("position", Integer, nullable=False, default=0),
    us("since_us"),
    CheckConstraint(one_of("kind", _NAMED), "kind"),
    CheckConstraint(one_of("stance", Stance), "stance"),
    sqlite_with_rowid=False,
)
"""A shared interest of a group, in the order of `position`."""


group_member = Table(
    "group_member",
    METADATA,
    ref("subscriber_id", "subscriber.id", primary_key=True),
    ref("group_id", "subscriber_group.id", primary_key=True, index=True),
    Column("is_list", Boolean, nullable=False, default=False),
    us("joined_us"),
    us("shared_us", nullable=True),
    Column("is_named", Boolean, nullable=False, default=False),
    CheckConstraint("NOT is_list OR (shared_us IS NULL AND NOT is_named)", "list"),
    sqlite_with_rowid=False,
)
"""A membership. `shared_us`: when the member agreed to share; NULL means that nothing of theirs is shared.

`is_named` is no longer used.
"""


library = Table(
    "library",
    METADATA,
    own_key(),
    ref("subscriber_id", "subscriber.id"),
    Column("provider", String(10), nullable=False),
    Column("place", String(40), nullable=False),
    Column("sealed", LargeBinary, nullable=True),
    Column("may_write", Boolean, nullable=False, default=False),
    Column("state", String(10), nullable=False),
    Column("version", BigInteger, nullable=False),
    us("linked_us"),
    # Time of the next sync. A reader moves it on first, so that no other process reads as well.
    us("next_us"),
    us("synced_us", nullable=True),
    Column("failures", Integer, nullable=False, default=0),
    Column("why", String(300), nullable=False, default=""),
    # The adding of saved papers to it: a Saving.
    Column("saving", JSON(none_as_null=True), nullable=True),
    CheckConstraint(one_of("provider", LibraryProvider), "provider"),
    CheckConstraint(one_of("state", LibraryState), "state"),
    UniqueConstraint("subscriber_id", "provider", "place"),
    Index("ix_library_next", "next_us", sqlite_where=text("state = 'linked'"),
              postgresql_where=text("state = 'linked'")),
)  # fmt: skip
"""A library at its provider; `sealed` is the encrypted key to it."""


library_entry = Table(
    "library_entry",
    METADATA,
    ref("library_id", "library.id", primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("paper", String(500), nullable=False),
    Column("day", String(10), nullable=False),
    Column("status", String(10), nullable=False),
    CheckConstraint(one_of("status", EntryStatus), "status"),
    sqlite_with_rowid=False,
)
"""An entry of a library, the paper it names, and its effect."""


reference = Table(
    "reference",
    METADATA,
    ref("subscriber_id", "subscriber.id", primary_key=True),
    Column("name", String(500), primary_key=True),
    Column("ids", JSON, nullable=False),
    Column("title", Text, nullable=False),
    Column("abstract", Text, nullable=False),
    Column("authors", JSON, nullable=False),
    us("added_us"),
    Column("model", String(64)),
    Column("terms", LargeBinary, nullable=True),
    Column("other_model", String(64)),
    Column("other_terms", LargeBinary, nullable=True),
    Column("encoder", String(80)),
    Column("vector", LargeBinary, nullable=True),
)
"""A paper that a subscriber brought along: its words, and what the models in use derived from them.

`terms` is derived by the text model `model`, `other_terms` by another one, `vector` by the dense model `encoder`.
All are personal data too and are deleted with the row. `added_us` changes with the words.
"""


paper_lookup = Table(
    "paper_lookup",
    METADATA,
    ref("subscriber_id", "subscriber.id", primary_key=True),
    Column("name", String(500), primary_key=True),
    Column("state", String(10), nullable=False),
    us("requested_us"),
    us("next_us", nullable=True),
    Column("failures", Integer, nullable=False, default=0),
    CheckConstraint(one_of("state", LookupState), "state"),
    Index("ix_paper_lookup_next", "next_us", sqlite_where=text("next_us IS NOT NULL"),
              postgresql_where=text("next_us IS NOT NULL")),
)  # fmt: skip
"""A paper that an interest of a subscriber names and that is not known yet.

`next_us`: when it is looked up next, or None if not any more. A reader moves it on first.
"""
