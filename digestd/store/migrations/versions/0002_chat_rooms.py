"""Record what a chat room did not take, and forget the rooms that subscribers asked for.

Subscribers no longer set rooms, so what they had yet to confirm is void. The table stays for the release before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, with defaults for the release before."""
    op.add_column("chat_target", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("chat_target", sa.Column("problem", sa.String(200), nullable=True))
    op.execute("DELETE FROM chat_request")


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("chat_target", "problem")
    op.drop_column("chat_target", "failures")
