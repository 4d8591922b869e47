"""API tokens that act for one subscriber."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
_ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the column."""
    reader = sa.Column("subscriber_id", _ROW, sa.ForeignKey("subscriber.id"), nullable=True)
    op.add_column("api_token", reader, inline_references=True)


def downgrade() -> None:
    """Delete the tokens of subscribers, which say whose they are by this column alone, and drop it."""
    op.execute("DELETE FROM api_token WHERE subscriber_id IS NOT NULL")
    with op.batch_alter_table("api_token") as table:
        table.drop_column("subscriber_id")
