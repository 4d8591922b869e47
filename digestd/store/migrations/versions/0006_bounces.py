"""Bounces and complaints, suppressions taken back, and addresses suppressed after many soft bounces."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BEFORE = "'hard_bounce', 'complaint', 'request', 'erased'"
REASONS = "'hard_bounce', 'soft_bounce', 'complaint', 'request', 'erased'"


def upgrade() -> None:
    _reasons(REASONS)
    op.create_table(
        "bounce",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("address_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("via", sa.String(length=12), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("delivery_id", KEY, nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('hard', 'soft', 'policy', 'delayed', 'complaint')", name=op.f("ck_bounce_kind")),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_bounce_delivery_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_bounce")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_bounce_address_key"), "bounce", ["address_key"], unique=False)
    op.create_index(op.f("ix_bounce_delivery_id"), "bounce", ["delivery_id"], unique=False)
    op.create_index(op.f("ix_bounce_at_us"), "bounce", ["at_us"], unique=False)
    op.create_table(
        "lifting",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("address_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(f"reason IN ({REASONS})", name=op.f("ck_lifting_reason")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifting")),
    )
    op.create_index(op.f("ix_lifting_address_key"), "lifting", ["address_key"], unique=False)
    op.create_table(
        "inbound",
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('taken', 'known', 'automatic', 'forged', 'foreign', 'unread', 'too_large')",
            name=op.f("ck_inbound_outcome"),
        ),
        sa.PrimaryKeyConstraint("outcome", name=op.f("pk_inbound")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("inbound")
    op.drop_table("lifting")
    op.drop_table("bounce")
    op.execute("UPDATE suppression SET reason = 'hard_bounce' WHERE reason = 'soft_bounce'")
    _reasons(BEFORE)


def _reasons(allowed: str) -> None:
    with op.batch_alter_table("suppression", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_suppression_reason"), type_="check")
        batch_op.create_check_constraint(op.f("ck_suppression_reason"), f"reason IN ({allowed})")
