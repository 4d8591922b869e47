"""Events of subscribers that are posted to the operator's own programs."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_HAPPENINGS = (
    "happening IN ('subscriber.subscribed', 'subscriber.confirmed', 'subscriber.unsubscribed', "
    "'subscriber.bounced', 'subscriber.complained', 'subscriber.erased')"
)


def upgrade() -> None:
    op.create_table(
        "hook",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("is_set", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook")),
        sa.UniqueConstraint("url", name=op.f("uq_hook_url")),
    )
    op.create_table(
        "hook_post",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("hook_id", KEY, nullable=False),
        sa.Column("subscriber_id", KEY, nullable=False),
        sa.Column("happening", sa.String(length=30), nullable=False),
        sa.Column("detail", sa.String(length=60), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("not_before_us", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=200), nullable=False),
        sa.CheckConstraint(_HAPPENINGS, name=op.f("ck_hook_post_happening")),
        sa.CheckConstraint("state IN ('waiting', 'taken', 'given_up')", name=op.f("ck_hook_post_state")),
        sa.ForeignKeyConstraint(["hook_id"], ["hook.id"], name=op.f("fk_hook_post_hook_id")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_hook_post_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_post")),
    )
    op.create_index(op.f("ix_hook_post_subscriber_id"), "hook_post", ["subscriber_id"], unique=False)
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_hook_post_waiting",
        "hook_post",
        ["hook_id", "not_before_us"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def downgrade() -> None:
    op.drop_table("hook_post")
    op.drop_table("hook")
