"""Tags and notes of saved papers."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("feedback", sa.Column("tags", sa.JSON(), nullable=True))
    op.add_column("feedback", sa.Column("note", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("feedback", "note")
    op.drop_column("feedback", "tags")
