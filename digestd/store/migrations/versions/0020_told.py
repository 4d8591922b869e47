"""How many uncertain mails the operator was told of, for all workers together."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "told",
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("event", name=op.f("pk_told")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("told")
