"""Create the schema: tables, indexes, constraints and triggers.

The tables restate `digestd.store.tables` as they were for this revision; a test compares the two. Later revisions
change the schema in two releases: expand (add what the new code needs), then contract (drop what the old one needed).
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STEPS = {
    "ready": "leased skipped expired rejected",
    "leased": "ready final_dot rejected skipped expired poisoned",
    "final_dot": "accepted ready rejected uncertain",
    "uncertain": "accepted ready abandoned",
    "poisoned": "ready abandoned expired skipped",
}
"""The legal changes of a delivery's state, see `digestd.domain.delivery`."""
TABLES = (
    "library_entry",
    "webhook_post",
    "paper_lookup",
    "reference",
    "library",
    "webhook",
    "api_token",
    "reply",
    "bounce",
    "earlier_attempt",
    "seen_papers",
    "delivery",
    "throttle",
    "inbound_count",
    "due_audit",
    "alert_state",
    "sent_journal",
    "saved_list_link",
    "chat_request",
    "chat_target",
    "profile",
    "pending_request",
    "group_member",
    "group_interest",
    "subscriber_group",
    "muting",
    "interest",
    "feedback",
    "consent_event",
    "address_change",
    "trial",
    "suppression",
    "subscriber",
    "lifted_suppression",
    "consent_wording",
    "caused_mail",
    "calibration",
    "encoding",
    "embedding",
    "gist_attempt",
    "similarity_key",
    "signal",
    "sighting",
    "revision",
    "paper_alias",
    "merge",
    "do_not_merge",
    "text_model",
    "template_set",
    "source",
    "rejected_record",
    "paper",
    "host",
    "fetch",
    "coverage",
)
"""Tables in the order in which they are dropped: those that refer to others first."""
ATTEMPT = """
CREATE VIEW attempt AS
SELECT id AS delivery_id, attempts AS n, owner, relay, checked_version AS consent_version, outcome, evidence,
    CASE WHEN evidence IS NOT NULL THEN reply_code END AS code,
    CASE WHEN evidence IS NOT NULL THEN coalesce(reply_text, reason) END AS text,
    opened_us, final_dot_us, closed_us,
    CASE WHEN outcome IS NOT NULL THEN 'closed' WHEN final_dot_us IS NOT NULL THEN 'final_dot' ELSE 'open' END AS phase
FROM delivery WHERE opened_us IS NOT NULL
UNION ALL
SELECT delivery_id, n, owner, relay, consent_version, outcome, evidence, code, text, opened_us, final_dot_us, closed_us,
    'closed' AS phase
FROM earlier_attempt
"""
"""Every attempt: the last one of each delivery, which its own row holds, and the earlier ones."""


def upgrade() -> None:
    _papers()
    _subscribers()
    _ledger()
    _connections()
    _guard_deliveries()
    _guard_consent()


def downgrade() -> None:
    op.execute("DROP VIEW attempt")
    for table in TABLES:
        op.drop_table(table)  # with its triggers
    if not _is_sqlite():
        op.execute("DROP FUNCTION delivery_state_change()")
        op.execute("DROP FUNCTION consent_append_only()")


def _papers() -> None:
    """Create the tables of sources, papers and text models."""
    op.create_table(
        "coverage",
        sa.Column("source", sa.String(200), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Integer()),
        sa.Column("note", sa.String(500)),
        _us("at_us"),
        sa.CheckConstraint(_either("state", "fresh quiet partial late stale broken"), "state"),
    )
    op.create_table(
        "fetch",
        sa.Column("source", sa.String(200), primary_key=True),
        sa.Column("url", sa.String(2000), primary_key=True),
        sa.Column("etag", sa.String()),
        sa.Column("last_modified", sa.String()),
        _us("fetched_us"),
        _us("succeeded_us", nullable=True),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("error", sa.String()),
    )
    op.create_table(
        "host",
        sa.Column("host", sa.String(255), primary_key=True),
        _us("next_request_us"),
        sa.Column("locked_by", sa.String(40)),
        _us("locked_until_us"),
        sa.Column("failures", sa.Integer(), nullable=False),
        _us("circuit_open_until_us"),
        sa.Column("error", sa.String(500)),
    )
    op.create_table(
        "paper",
        _id(),
        sa.Column("paper_id", sa.String(400), nullable=False, unique=True),
        sa.Column("revision_id", _ROW),
        _us("published_us"),
        _us("first_seen_us"),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
    )
    _index("ix_paper_first_seen_us", "paper", ["first_seen_us"])
    op.create_table(
        "rejected_record",
        sa.Column("source", sa.String(200), primary_key=True),
        sa.Column("n", sa.Integer(), primary_key=True),
        sa.Column("place", sa.String(200), nullable=False),
        sa.Column("field", sa.String(100), nullable=False),
        sa.Column("message", sa.String(500), nullable=False),
        _us("at_us"),
    )
    op.create_table(
        "source",
        _id(),
        sa.Column("spec", sa.String(200), nullable=False, unique=True),
        _us("added_us"),
    )
    op.create_table(
        "template_set",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("files", sa.JSON(), nullable=False),
    )
    op.create_table(
        "text_model",
        _id(),
        sa.Column("version", sa.String(64), nullable=False, unique=True),
        _us("fitted_us"),
        _us("used_us", nullable=True),
        sa.Column("papers", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "do_not_merge",
        _ref("one", "paper.id", primary_key=True),
        _ref("other", "paper.id", primary_key=True, index=True),
        _us("at_us"),
    )
    op.create_table(
        "merge",
        _id(),
        _ref("kept", "paper.id", index=True),
        _ref("absorbed", "paper.id", index=True),
        sa.Column("by", sa.String(20), nullable=False),
        sa.Column("evidence", sa.String(500), nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        _us("at_us"),
        _us("undone_us", nullable=True),
    )
    op.create_table(
        "paper_alias",
        sa.Column("alias", sa.String(400), primary_key=True),
        _ref("paper", "paper.id", index=True),
    )
    op.create_table(
        "revision",
        _id(),
        _ref("paper", "paper.id", index=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("abstract", sa.String(), nullable=False),
        sa.Column("plain_title", sa.String()),
        sa.Column("plain_abstract", sa.String()),
        sa.Column("authors", sa.JSON(), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("url", sa.String()),
        sa.Column("links", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("gist", sa.String()),
        sa.Column("brief_gist", sa.String()),
        sa.Column("gist_kind", sa.String(10)),
        sa.Column("translations", sa.JSON(), nullable=False),
        _us("made_us"),
        sa.CheckConstraint(_either("gist_kind", "source extracted generated translated"), "gist_kind"),
    )
    op.create_table(
        "sighting",
        _id(),
        _ref("paper", "paper.id"),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("external_id", sa.String(400), nullable=False),
        sa.Column("version", sa.Integer()),
        sa.Column("announced", sa.String(20), nullable=False),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        _us("seen_us"),
        sa.UniqueConstraint("paper", "source", "digest"),
    )
    op.create_table(
        "signal",
        _ref("paper", "paper.id", primary_key=True),
        sa.Column("name", sa.String(40), primary_key=True),
        _us("at_us", primary_key=True),
        sa.Column("value", sa.Float(), nullable=False),
    )
    op.create_table(
        "similarity_key",
        sa.Column("key", sa.BigInteger(), primary_key=True),
        _ref("paper", "paper.id", primary_key=True, index=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gist_attempt",
        _ref("revision", "revision.id", primary_key=True),
        _us("at_us", index=True),
        sa.Column("outcome", sa.String(10), nullable=False),
    )
    op.create_table(
        "embedding",
        _ref("revision", "revision.id", primary_key=True),
        sa.Column("model", sa.String(80), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "encoding",
        _ref("revision", "revision.id", primary_key=True),
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
    )


def _subscribers() -> None:
    """Create the tables of subscribers: consent, interests and feedback."""
    op.create_table(
        "calibration",
        _id(),
        _us("fitted_us"),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
    )
    op.create_table(
        "caused_mail",
        _id(),
        sa.Column("pool", sa.String(10), nullable=False),
        sa.Column("address_key", sa.LargeBinary(32), nullable=False),
        sa.Column("causer", sa.String(40), nullable=False),
        sa.Column("network", sa.LargeBinary(32)),
        _us("at_us", index=True),
    )
    _index("ix_caused_mail_address_key", "caused_mail", ["address_key", "at_us"])
    _index("ix_caused_mail_causer", "caused_mail", ["causer", "at_us"])
    _index("ix_caused_mail_network", "caused_mail", ["network", "at_us"])
    _index("ix_caused_mail_pool", "caused_mail", ["pool", "at_us"])
    op.create_table(
        "consent_wording",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("text", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lifted_suppression",
        _id(),
        sa.Column("address_key", sa.LargeBinary(32), nullable=False, index=True),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("note", sa.String(300), nullable=False),
        _us("at_us"),
        sa.CheckConstraint(_either("reason", "hard_bounce soft_bounce complaint request erased"), "reason"),
    )
    op.create_table(
        "subscriber",
        _id(),
        sa.Column("address", sa.String(254)),
        sa.Column("address_key", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        sa.Column("cadence", sa.String(10), nullable=False),
        sa.Column("weekday", sa.SmallInteger(), nullable=False),
        sa.Column("size", sa.SmallInteger(), nullable=False),
        sa.Column("min_score", sa.String(10), nullable=False),
        sa.Column("explore", sa.Boolean(), nullable=False),
        sa.Column("only_categories", sa.Boolean(), nullable=False),
        sa.Column("when_empty", sa.Boolean(), nullable=False),
        sa.Column("full_abstracts", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(20), nullable=False),
        _us("created_us"),
        _us("next_due_us"),
        sa.Column("last_date", sa.String(10)),
        _us("last_planned_us", nullable=True),
        sa.Column("horizon", sa.BigInteger()),
        sa.Column("wants", sa.BigInteger(), nullable=False),
        _us("paused_until_us", nullable=True),
        _us("links_from_us"),
        sa.CheckConstraint(_either("status", "pending active paused unsubscribed suppressed erased"), "status"),
        sa.CheckConstraint(_either("cadence", "daily weekdays weekly"), "cadence"),
        sa.CheckConstraint(_either("min_score", "low normal high"), "min_score"),
        sa.CheckConstraint("(address IS NULL) = (status = 'erased')", "address"),
        sa.CheckConstraint("hour BETWEEN 0 AND 23 AND weekday BETWEEN 0 AND 6 AND size BETWEEN 1 AND 50", "settings"),
    )
    _index("ix_subscriber_due", "subscriber", ["next_due_us", "id"], where="status = 'active'")
    _index("ix_subscriber_pause", "subscriber", ["paused_until_us"], where="paused_until_us IS NOT NULL")
    op.create_table(
        "suppression",
        sa.Column("address_key", sa.LargeBinary(32), primary_key=True),
        sa.Column("reason", sa.String(20), nullable=False),
        _us("at_us"),
        sa.CheckConstraint(_either("reason", "hard_bounce soft_bounce complaint request erased"), "reason"),
    )
    op.create_table(
        "trial",
        _id(),
        sa.Column("name", sa.String(60), nullable=False, unique=True),
        sa.Column("weights", sa.Text(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        _us("started_us"),
        _us("stopped_us", nullable=True),
        sa.CheckConstraint("share > 0 AND share <= 1", "share"),
    )
    op.create_table(
        "address_change",
        _ref("subscriber_id", "subscriber.id", primary_key=True),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("address_key", sa.LargeBinary(32), nullable=False),
        _us("requested_us"),
        _us("old_confirmed_us", nullable=True),
        _us("new_confirmed_us", nullable=True),
    )
    op.create_table(
        "consent_event",
        _ref("subscriber_id", "subscriber.id", primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("cause", sa.String(20), nullable=False),
        _us("at_us"),
        sa.Column("network", sa.LargeBinary(32)),
        sa.Column("wording", sa.String(64)),
        sa.CheckConstraint(_either("status", "pending active paused unsubscribed suppressed erased"), "status"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "feedback",
        _id(),
        _ref("subscriber_id", "subscriber.id", index=True),
        _ref("paper", "paper.id", index=True),
        sa.Column("verdict", sa.String(10), nullable=False),
        _us("at_us"),
        _us("undone_us", nullable=True),
        sa.CheckConstraint(_either("verdict", "more less saved dismissed"), "verdict"),
    )
    op.create_table(
        "subscriber_group",
        _id(),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        _us("created_us"),
    )
    op.create_table(
        "group_interest",
        _ref("group_id", "subscriber_group.id", primary_key=True),
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("value", sa.String(500), primary_key=True),
        sa.Column("stance", sa.String(10), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        _us("since_us"),
        sa.CheckConstraint("kind IN ('topic', 'phrase', 'author', 'category')", "kind"),
        sa.CheckConstraint(_either("stance", "liked muted"), "stance"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "group_member",
        _ref("subscriber_id", "subscriber.id", primary_key=True),
        _ref("group_id", "subscriber_group.id", primary_key=True, index=True),
        sa.Column("is_list", sa.Boolean(), nullable=False),
        _us("joined_us"),
        _us("shared_us", nullable=True),
        sa.Column("is_named", sa.Boolean(), nullable=False),
        sa.CheckConstraint("NOT is_list OR (shared_us IS NULL AND NOT is_named)", "list"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "interest",
        _ref("subscriber_id", "subscriber.id", primary_key=True),
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("value", sa.String(500), primary_key=True),
        sa.Column("stance", sa.String(10), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        _us("since_us", nullable=True),
        sa.CheckConstraint(_either("kind", "topic phrase author category paper"), "kind"),
        sa.CheckConstraint(_either("stance", "liked muted"), "stance"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "muting",
        _id(),
        _ref("subscriber_id", "subscriber.id", index=True),
        _ref("paper", "paper.id", index=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("value", sa.String(500), nullable=False),
        _us("at_us"),
        _us("undone_us", nullable=True),
        sa.CheckConstraint("kind IN ('topic', 'phrase', 'author', 'category')", "kind"),
    )
    op.create_table(
        "pending_request",
        _ref("subscriber_id", "subscriber.id", primary_key=True),
        sa.Column("n", sa.Integer(), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("record", sa.Text()),
        sa.Column("cause", sa.String(20), nullable=False),
        sa.Column("network", sa.LargeBinary(32)),
        sa.Column("wording", sa.String(64)),
        _us("at_us", index=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "profile",
        _ref("subscriber_id", "subscriber.id", primary_key=True),
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("form", sa.String(100), nullable=False),
        sa.Column("wants", sa.BigInteger(), nullable=False),
        sa.Column("papers", sa.Text(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "saved_list_link",
        _ref("subscriber_id", "subscriber.id", primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_table(
        "chat_target",
        _ref("subscriber_id", "subscriber.id", primary_key=True),
        sa.Column("label", sa.String(300), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("set_us", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "chat_request",
        _ref("subscriber_id", "subscriber.id", primary_key=True),
        sa.Column("label", sa.String(300), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
    )


def _ledger() -> None:
    """Create the ledger.

    Planning audits, deliveries, attempts, and the papers that each subscriber has had.
    """
    op.create_table(
        "alert_state",
        sa.Column("event", sa.String(40), primary_key=True),
        sa.Column("known", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sent_journal",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("host", sa.String(255), nullable=False),
        _us("generation"),
        sa.Column("server", sa.String(80), nullable=False),
        _us("since_us"),
        _us("used_us"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "due_audit",
        _id(),
        _us("at_us"),
        sa.Column("due", sa.Integer(), nullable=False),
        sa.Column("hash", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "inbound_count",
        sa.Column("outcome", sa.String(12), primary_key=True),
        sa.Column("total", sa.BigInteger(), nullable=False),
        _us("last_us"),
        sa.CheckConstraint(
            _either("outcome", "taken command unproven known automatic forged untagged foreign unread too_large"),
            "outcome",
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "throttle",
        sa.Column("name", sa.String(300), primary_key=True),
        _us("free_us"),
        sa.Column("lowered", sa.Float(), nullable=False),
        _us("slowed_us"),
        sa.Column("before", sa.Float(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        _us("backoff_until_us"),
        sa.Column("error", sa.String(500), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "delivery",
        _id(),
        _ref("subscriber_id", "subscriber.id"),
        sa.Column("kind", sa.String(18), nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("recipient_key", sa.LargeBinary(32)),
        sa.Column("covers_from", sa.String(40), nullable=False),
        sa.Column("consent_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("message_id", sa.String(320), nullable=False, unique=True),
        sa.Column("picks", sa.LargeBinary(), nullable=False),
        sa.Column("considered", sa.Integer(), nullable=False),
        sa.Column("coverage", sa.JSON(), nullable=False),
        sa.Column("occasions", sa.String(80), nullable=False, server_default=""),
        sa.Column("template_hash", sa.String(64), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32)),
        sa.Column("history", sa.String(), nullable=False),
        _us("due_us"),
        _us("expires_us"),
        _us("not_before_us"),
        _us("dated_us", nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        _us("lease_until_us", nullable=True),
        sa.Column("owner", sa.String(40)),
        sa.Column("relay", sa.String(300)),
        sa.Column("checked_version", sa.Integer()),
        sa.Column("outcome", sa.String(10)),
        sa.Column("evidence", sa.String(20)),
        _us("opened_us", nullable=True),
        _us("final_dot_us", nullable=True),
        _us("closed_us", nullable=True),
        sa.Column("reply_code", sa.Integer()),
        sa.Column("reply_text", sa.String(500)),
        sa.Column("relay_qid", sa.String(60)),
        sa.Column("reason", sa.String(200)),
        _ref("audit_id", "due_audit.id", nullable=True),
        _ref("model_id", "text_model.id", nullable=True),
        sa.Column("offered_in", sa.BigInteger()),
        sa.UniqueConstraint("subscriber_id", "kind", "key"),
        sa.CheckConstraint(
            _either(
                "state", "ready empty leased final_dot accepted rejected skipped expired poisoned uncertain abandoned"
            ),
            "state",
        ),
        sa.CheckConstraint("(lease_until_us IS NOT NULL) = (state IN ('leased', 'final_dot'))", "lease"),
        sa.CheckConstraint("owner IS NOT NULL OR lease_until_us IS NULL", "owner"),
        sa.CheckConstraint(f"sha256 IS NOT NULL OR NOT {_either('state', 'final_dot accepted uncertain')}", "sha256"),
        sa.CheckConstraint("state <> 'accepted' OR reply_code BETWEEN 200 AND 299", "reply"),
        sa.CheckConstraint(
            f"reason IS NOT NULL OR NOT {_either('state', 'rejected skipped expired poisoned abandoned uncertain')}",
            "reason",
        ),
        sa.CheckConstraint("expires_us > due_us", "expires"),
        sa.CheckConstraint(_either("outcome", "accepted temp perm not_sent aborted uncertain"), "outcome"),
        sa.CheckConstraint("(outcome IS NOT NULL) = (closed_us IS NOT NULL)", "closed"),
        sa.CheckConstraint("outcome <> 'accepted' OR (evidence IS NOT NULL AND final_dot_us IS NOT NULL)", "accepted"),
        sa.CheckConstraint("outcome <> 'uncertain' OR final_dot_us IS NOT NULL", "uncertain"),
    )
    _index("ix_delivery_offered", "delivery", ["offered_in"], where="offered_in IS NOT NULL")
    _index("ix_delivery_uncertain", "delivery", ["subscriber_id"], where="state = 'uncertain'")
    _index(
        "ix_delivery_work",
        "delivery",
        ["state", "not_before_us"],
        where=_either("state", "ready leased final_dot poisoned"),
    )
    op.create_table(
        "seen_papers",
        _ref("subscriber_id", "subscriber.id", primary_key=True),
        sa.Column("papers", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "earlier_attempt",
        _ref("delivery_id", "delivery.id", primary_key=True),
        sa.Column("n", sa.Integer(), primary_key=True),
        sa.Column("owner", sa.String(40), nullable=False),
        sa.Column("relay", sa.String(300)),
        sa.Column("consent_version", sa.Integer()),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("evidence", sa.String(20)),
        sa.Column("code", sa.Integer()),
        sa.Column("text", sa.String(500)),
        _us("opened_us"),
        _us("final_dot_us", nullable=True),
        _us("closed_us"),
        sa.CheckConstraint(_either("outcome", "temp perm not_sent aborted"), "outcome"),
        sqlite_with_rowid=False,
    )
    op.execute(ATTEMPT)
    op.create_table(
        "bounce",
        sa.Column("key", sa.LargeBinary(32), primary_key=True),
        sa.Column("address_key", sa.LargeBinary(32), nullable=False, index=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("via", sa.String(12), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        _ref("delivery_id", "delivery.id", nullable=True, index=True),
        sa.Column("attempt", sa.Integer()),
        _us("at_us", index=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.CheckConstraint(_either("kind", "hard soft policy delayed complaint"), "kind"),
        sqlite_with_rowid=False,
    )
    _index("ix_bounce_held", "bounce", ["at_us"], where="held")
    op.create_table(
        "reply",
        _ref("delivery_id", "delivery.id", primary_key=True),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("answers", sa.String(260), nullable=False),
        sa.Column("asks", sa.JSON(), nullable=False),
    )


def _connections() -> None:
    """Create the tables of connections.

    Linked libraries, private references, lookups of papers, webhooks and API tokens.
    """
    op.create_table(
        "api_token",
        _id(),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("scopes", sa.String(60), nullable=False),
        _us("created_us"),
        _us("revoked_us", nullable=True),
    )
    op.create_table(
        "webhook",
        _id(),
        sa.Column("url", sa.String(500), nullable=False, unique=True),
        sa.Column("is_set", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "library",
        _id(),
        _ref("subscriber_id", "subscriber.id"),
        sa.Column("provider", sa.String(10), nullable=False),
        sa.Column("place", sa.String(40), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("may_write", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        _us("linked_us"),
        _us("next_us"),
        _us("synced_us", nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(300), nullable=False),
        sa.CheckConstraint(_either("provider", "zotero orcid"), "provider"),
        sa.CheckConstraint(_either("state", "linked refused gone"), "state"),
        sa.UniqueConstraint("subscriber_id", "provider", "place"),
    )
    _index("ix_library_next", "library", ["next_us"], where="state = 'linked'")
    op.create_table(
        "reference",
        _ref("subscriber_id", "subscriber.id", primary_key=True),
        sa.Column("name", sa.String(500), primary_key=True),
        sa.Column("ids", sa.JSON(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("authors", sa.JSON(), nullable=False),
        _us("added_us"),
        sa.Column("model", sa.String(64)),
        sa.Column("terms", sa.LargeBinary()),
        sa.Column("other_model", sa.String(64)),
        sa.Column("other_terms", sa.LargeBinary()),
        sa.Column("encoder", sa.String(80)),
        sa.Column("vector", sa.LargeBinary()),
    )
    op.create_table(
        "paper_lookup",
        _ref("subscriber_id", "subscriber.id", primary_key=True),
        sa.Column("name", sa.String(500), primary_key=True),
        sa.Column("state", sa.String(10), nullable=False),
        _us("requested_us"),
        _us("next_us", nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.CheckConstraint(_either("state", "open unknown failed"), "state"),
    )
    _index("ix_paper_lookup_next", "paper_lookup", ["next_us"], where="next_us IS NOT NULL")
    op.create_table(
        "webhook_post",
        _id(),
        _ref("webhook_id", "webhook.id"),
        _ref("subscriber_id", "subscriber.id", index=True),
        sa.Column("event", sa.String(30), nullable=False),
        sa.Column("detail", sa.String(60), nullable=False),
        _us("at_us"),
        sa.Column("state", sa.String(10), nullable=False),
        _us("not_before_us"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(200), nullable=False),
        sa.CheckConstraint(
            _either(
                "event",
                "subscriber.subscribed subscriber.confirmed subscriber.unsubscribed "
                "subscriber.bounced subscriber.complained subscriber.erased",
            ),
            "event",
        ),
        sa.CheckConstraint(_either("state", "waiting taken given_up"), "state"),
    )
    _index("ix_webhook_post_waiting", "webhook_post", ["webhook_id", "not_before_us"], where="state = 'waiting'")
    op.create_table(
        "library_entry",
        _ref("library_id", "library.id", primary_key=True),
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("paper", sa.String(500), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.CheckConstraint(_either("status", "liked own beyond dropped"), "status"),
        sqlite_with_rowid=False,
    )


def _guard_deliveries() -> None:
    """Refuse illegal changes of a delivery's state in the database itself."""
    if _is_sqlite():
        legal = " OR ".join(
            f"OLD.state = '{before}' AND {_either('NEW.state', after)}" for before, after in STEPS.items()
        )
        _abort("delivery_state_change BEFORE UPDATE OF state ON delivery", "illegal state change of a delivery",
               f"OLD.state <> NEW.state AND NOT ({legal})")  # fmt: skip
        _abort("delivery_initial_state BEFORE INSERT ON delivery", "illegal initial state of a delivery",
               "NEW.state NOT IN ('ready', 'empty')")  # fmt: skip
        return
    legal = ", ".join(f"'{before}>{after}'" for before, afters in STEPS.items() for after in afters.split())
    op.execute(
        f"""
        CREATE FUNCTION delivery_state_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' AND NEW.state NOT IN ('ready', 'empty') THEN
                RAISE EXCEPTION 'illegal initial state of a delivery';
            ELSIF TG_OP = 'UPDATE' AND OLD.state <> NEW.state
                AND OLD.state || '>' || NEW.state NOT IN ({legal}) THEN
                RAISE EXCEPTION 'illegal state change of a delivery';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER delivery_state_change BEFORE INSERT OR UPDATE OF state ON delivery "
        "FOR EACH ROW EXECUTE FUNCTION delivery_state_change()"
    )


def _guard_consent() -> None:
    """Make the consent record append-only, except that erasure clears the network."""
    same = " AND ".join(f"NEW.{name} = OLD.{name}" for name in ("subscriber_id", "version", "status", "cause", "at_us"))
    erasure = f"{same} AND coalesce(NEW.wording, '') = coalesce(OLD.wording, '') AND NEW.network IS NULL"
    message = "the record of consent is append-only"
    if _is_sqlite():
        for table, allowed in (("consent_event", erasure), ("consent_wording", "0")):
            _abort(f"{table}_unchanged BEFORE UPDATE ON {table}", message, f"NOT ({allowed})")
            _abort(f"{table}_kept BEFORE DELETE ON {table}", message)
        return
    op.execute(
        f"""
        CREATE FUNCTION consent_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'consent_event' THEN
                IF {erasure} THEN RETURN NEW; END IF;
            END IF;
            RAISE EXCEPTION '{message}';
        END $$
        """
    )
    for table in ("consent_event", "consent_wording"):
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION consent_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION consent_append_only()"
        )


def _abort(event: str, message: str, condition: str = "") -> None:
    """Create an SQLite trigger that refuses what meets the condition."""
    when = f"WHEN {condition} " if condition else ""
    op.execute(f"CREATE TRIGGER {event} {when}BEGIN SELECT RAISE(ABORT, '{message}'); END")


_ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A row number: SQLite numbers rows by itself only in a column called INTEGER."""


def _id() -> sa.Column[int]:
    return sa.Column("id", _ROW, primary_key=True, autoincrement=True)


def _ref(
    name: str, target: str, *, primary_key: bool = False, nullable: bool = False, index: bool = False
) -> sa.Column[int]:
    """Return a column that refers to another table's row."""
    return sa.Column(name, _ROW, sa.ForeignKey(target), primary_key=primary_key, nullable=nullable, index=index)


def _us(name: str, *, primary_key: bool = False, nullable: bool = False, index: bool = False) -> sa.Column[int]:
    """Return a column for an instant in microseconds since 1970 UTC."""
    return sa.Column(name, sa.BigInteger(), primary_key=primary_key, nullable=nullable, index=index)


def _either(column: str, values: str) -> str:
    """Return the condition that a column has one of these values.

    Not by IN: SQLite builds a table of an IN list of three or more for every row it checks, which made up half the
    cost of a mail.
    """
    return f"({' OR '.join(f'{column} = {value!r}' for value in values.split())})"


def _index(name: str, table: str, columns: list[str], *, unique: bool = False, where: str | None = None) -> None:
    some = None if where is None else sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=some, postgresql_where=some)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
