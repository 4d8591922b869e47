"""Sources that list the papers of a conference."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("source", sa.Column("conference", sa.String(16), nullable=True))
    op.add_column("source", sa.Column("programmes", sa.String(10), nullable=True))
    op.add_column("source", sa.Column("sessions", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop the columns."""
    for name in ("conference", "programmes", "sessions"):
        op.drop_column("source", name)
