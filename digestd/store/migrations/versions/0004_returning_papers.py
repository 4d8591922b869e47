"""Papers that subscribers had before a restore, and that may be reported again."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
_ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "returning_papers",
        sa.Column("subscriber_id", _ROW, sa.ForeignKey("subscriber.id"), primary_key=True),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("returning_papers")
