"""Judgments of papers against topics by a language model, and the count of requests."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
_ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "judgment",
        sa.Column("topic", sa.LargeBinary(16), primary_key=True),
        sa.Column("paper", sa.LargeBinary(16), primary_key=True),
        sa.Column("grade", sa.Integer(), nullable=True),
        sa.Column("why", sa.String(200), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "judge_request",
        sa.Column("id", _ROW, primary_key=True, autoincrement=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False, index=True),
        sa.Column("papers", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("judge_request")
    op.drop_table("judgment")
