"""What people mute of papers, since when interests stand, and which text model ranked a digest."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "muting",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("subscriber_id", KEY, nullable=False),
        sa.Column("paper", KEY, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("value", sa.String(length=500), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("undone_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('topic', 'phrase', 'author', 'category')", name=op.f("ck_muting_kind")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_muting_subscriber_id")),
        sa.ForeignKeyConstraint(["paper"], ["paper.id"], name=op.f("fk_muting_paper")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_muting")),
    )
    op.create_index(op.f("ix_muting_subscriber_id"), "muting", ["subscriber_id"], unique=False)
    op.create_index(op.f("ix_muting_paper"), "muting", ["paper"], unique=False)
    op.add_column("interest", sa.Column("since_us", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE interest SET since_us = "
        "(SELECT created_us FROM subscriber WHERE subscriber.id = interest.subscriber_id)"
    )
    number = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE delivery ADD COLUMN model_id {number} CONSTRAINT fk_delivery_model_id REFERENCES text_model (id)"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE delivery DROP COLUMN model_id")  # and its reference with it
    op.drop_column("interest", "since_us")
    op.drop_table("muting")
