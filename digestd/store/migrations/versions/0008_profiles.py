"""Compiled profiles, the terms of papers they name, and a number that every change of what is wanted raises."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("subscriber", sa.Column("wants", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "profile",
        sa.Column("subscriber_id", KEY, nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("wants", sa.BigInteger(), nullable=False),
        sa.Column("papers", sa.Text(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_profile_subscriber_id")),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_profile")),
    )
    op.create_table(
        "encoding",
        sa.Column("revision", KEY, nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["revision"], ["revision.id"], name=op.f("fk_encoding_revision")),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_encoding")),
    )


def downgrade() -> None:
    op.drop_table("encoding")
    op.drop_table("profile")
    op.drop_column("subscriber", "wants")
