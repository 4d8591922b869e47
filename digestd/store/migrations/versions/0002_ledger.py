"""Subscribers and the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "due_audit",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Integer(), nullable=False),
        sa.Column("hash", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_due_audit")),
    )
    op.create_table(
        "subscriber",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("address", sa.String(length=254), nullable=True),
        sa.Column("address_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        sa.Column("cadence", sa.String(length=10), nullable=False),
        sa.Column("weekday", sa.SmallInteger(), nullable=False),
        sa.Column("size", sa.SmallInteger(), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("next_due_us", sa.BigInteger(), nullable=False),
        sa.Column("last_date", sa.String(length=10), nullable=True),
        sa.Column("last_planned_us", sa.BigInteger(), nullable=True),
        sa.Column("horizon", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(address IS NULL) = (status = 'erased')", name=op.f("ck_subscriber_address")),
        sa.CheckConstraint("cadence IN ('daily', 'weekdays', 'weekly')", name=op.f("ck_subscriber_cadence")),
        sa.CheckConstraint(
            "status IN ('pending', 'active', 'paused', 'unsubscribed', 'suppressed', 'erased')",
            name=op.f("ck_subscriber_status"),
        ),
        sa.CheckConstraint(
            "hour BETWEEN 0 AND 23 AND weekday BETWEEN 0 AND 6 AND size BETWEEN 1 AND 50",
            name=op.f("ck_subscriber_settings"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber")),
        sa.UniqueConstraint("address_key", name=op.f("uq_subscriber_address_key")),
    )
    with op.batch_alter_table("subscriber", schema=None) as batch_op:
        batch_op.create_index(
            "ix_subscriber_due",
            ["next_due_us", "id"],
            unique=False,
            sqlite_where=sa.text("status = 'active'"),
            postgresql_where=sa.text("status = 'active'"),
        )

    op.create_table(
        "suppression",
        sa.Column("address_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "reason IN ('hard_bounce', 'complaint', 'request', 'erased')", name=op.f("ck_suppression_reason")
        ),
        sa.PrimaryKeyConstraint("address_key", name=op.f("pk_suppression")),
    )
    op.create_table(
        "consent_event",
        sa.Column("subscriber_id", KEY, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'active', 'paused', 'unsubscribed', 'suppressed', 'erased')",
            name=op.f("ck_consent_event_status"),
        ),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_consent_event_subscriber_id")),
        sa.PrimaryKeyConstraint("subscriber_id", "version", name=op.f("pk_consent_event")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "delivery",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("subscriber_id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("covers_from", sa.String(length=40), nullable=False),
        sa.Column("consent_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("message_id", sa.String(length=320), nullable=False),
        sa.Column("picks", sa.LargeBinary(), nullable=False),
        sa.Column("considered", sa.Integer(), nullable=False),
        sa.Column("coverage", sa.JSON(), nullable=False),
        sa.Column("template_hash", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=True),
        sa.Column("history", sa.String(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("not_before_us", sa.BigInteger(), nullable=False),
        sa.Column("dated_us", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=40), nullable=True),
        sa.Column("lease_until_us", sa.BigInteger(), nullable=True),
        sa.Column("reply_code", sa.Integer(), nullable=True),
        sa.Column("reply_text", sa.String(length=500), nullable=True),
        sa.Column("relay_qid", sa.String(length=60), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("audit_id", KEY, nullable=True),
        sa.CheckConstraint("(lease_owner IS NOT NULL) = (state IN ('leased', 'dot'))", name=op.f("ck_delivery_lease")),
        sa.CheckConstraint(
            "reason IS NOT NULL OR state NOT IN "
            "('rejected', 'skipped', 'expired', 'poisoned', 'abandoned', 'uncertain')",
            name=op.f("ck_delivery_reason"),
        ),
        sa.CheckConstraint(
            "sha256 IS NOT NULL OR state NOT IN ('dot', 'accepted', 'uncertain')", name=op.f("ck_delivery_sha256")
        ),
        sa.CheckConstraint("state <> 'accepted' OR reply_code BETWEEN 200 AND 299", name=op.f("ck_delivery_reply")),
        sa.CheckConstraint(
            "state IN ('ready', 'empty', 'leased', 'dot', 'accepted', 'rejected', "
            "'skipped', 'expired', 'poisoned', 'uncertain', 'abandoned')",
            name=op.f("ck_delivery_state"),
        ),
        sa.CheckConstraint("expires_us > due_us", name=op.f("ck_delivery_expires")),
        sa.ForeignKeyConstraint(["audit_id"], ["due_audit.id"], name=op.f("fk_delivery_audit_id")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_delivery_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("message_id", name=op.f("uq_delivery_message_id")),
        sa.UniqueConstraint("subscriber_id", "kind", "key", name=op.f("uq_delivery_subscriber_id_kind_key")),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(
            "ix_delivery_work",
            ["state", "not_before_us"],
            unique=False,
            sqlite_where=sa.text("state IN ('ready', 'leased', 'dot')"),
            postgresql_where=sa.text("state IN ('ready', 'leased', 'dot')"),
        )

    op.create_table(
        "interest",
        sa.Column("subscriber_id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("value", sa.String(length=500), nullable=False),
        sa.Column("wish", sa.String(length=10), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('topic', 'phrase', 'author', 'category', 'paper')", name=op.f("ck_interest_kind")),
        sa.CheckConstraint("wish IN ('liked', 'muted')", name=op.f("ck_interest_wish")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_interest_subscriber_id")),
        sa.PrimaryKeyConstraint("subscriber_id", "kind", "value", name=op.f("pk_interest")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "feedback",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("subscriber_id", KEY, nullable=False),
        sa.Column("paper", KEY, nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("undone_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("verdict IN ('more', 'less', 'saved', 'dismissed')", name=op.f("ck_feedback_verdict")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_feedback_subscriber_id")),
        sa.ForeignKeyConstraint(["paper"], ["paper.id"], name=op.f("fk_feedback_paper")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    op.create_index(op.f("ix_feedback_subscriber_id"), "feedback", ["subscriber_id"], unique=False)
    op.create_index(op.f("ix_feedback_paper"), "feedback", ["paper"], unique=False)
    op.create_table(
        "seen",
        sa.Column("subscriber_id", KEY, nullable=False),
        sa.Column("papers", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_seen_subscriber_id")),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_seen")),
    )
    op.create_table(
        "attempt",
        sa.Column("delivery_id", KEY, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=False),
        sa.Column("envelope_from", sa.String(length=320), nullable=False),
        sa.Column("phase", sa.String(length=6), nullable=False),
        sa.Column("gate_version", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("evidence", sa.String(length=20), nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("text", sa.String(length=500), nullable=True),
        sa.Column("opened_us", sa.BigInteger(), nullable=False),
        sa.Column("dot_us", sa.BigInteger(), nullable=True),
        sa.Column("closed_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(phase = 'closed') = (outcome IS NOT NULL)", name=op.f("ck_attempt_closed")),
        sa.CheckConstraint(
            "outcome <> 'accepted' OR (evidence IS NOT NULL AND dot_us IS NOT NULL)", name=op.f("ck_attempt_accepted")
        ),
        sa.CheckConstraint("outcome <> 'uncertain' OR dot_us IS NOT NULL", name=op.f("ck_attempt_uncertain")),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'temp', 'perm', 'not_sent', 'aborted', 'uncertain')",
            name=op.f("ck_attempt_outcome"),
        ),
        sa.CheckConstraint("phase IN ('open', 'dot', 'closed')", name=op.f("ck_attempt_phase")),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_attempt_delivery_id")),
        sa.PrimaryKeyConstraint("delivery_id", "n", name=op.f("pk_attempt")),
        sa.UniqueConstraint("envelope_from", name=op.f("uq_attempt_envelope_from")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.create_index(
            "uq_attempt_accepted",
            ["delivery_id"],
            unique=True,
            sqlite_where=sa.text("outcome = 'accepted'"),
            postgresql_where=sa.text("outcome = 'accepted'"),
        )
        batch_op.create_index(
            "uq_attempt_open",
            ["delivery_id"],
            unique=True,
            sqlite_where=sa.text("phase <> 'closed'"),
            postgresql_where=sa.text("phase <> 'closed'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_attempt_open", sqlite_where=sa.text("phase <> 'closed'"), postgresql_where=sa.text("phase <> 'closed'")
        )
        batch_op.drop_index(
            "uq_attempt_accepted",
            sqlite_where=sa.text("outcome = 'accepted'"),
            postgresql_where=sa.text("outcome = 'accepted'"),
        )

    op.drop_table("attempt")
    op.drop_table("feedback")
    op.drop_table("seen")
    op.drop_table("interest")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_delivery_work",
            sqlite_where=sa.text("state IN ('ready', 'leased', 'dot')"),
            postgresql_where=sa.text("state IN ('ready', 'leased', 'dot')"),
        )

    op.drop_table("delivery")
    op.drop_table("consent_event")
    op.drop_table("suppression")
    with op.batch_alter_table("subscriber", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_subscriber_due",
            sqlite_where=sa.text("status = 'active'"),
            postgresql_where=sa.text("status = 'active'"),
        )

    op.drop_table("subscriber")
    op.drop_table("due_audit")
