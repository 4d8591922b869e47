"""How fast mails may go to each relay and domain, which relays rest, and which relay an attempt went to."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "throttle",
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("free_us", sa.BigInteger(), nullable=False),
        sa.Column("lowered", sa.Float(), nullable=False),
        sa.Column("slowed_us", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.Float(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rest_until_us", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_throttle")),
        sqlite_with_rowid=False,
    )
    op.add_column("attempt", sa.Column("relay", sa.String(length=300), nullable=True))


def downgrade() -> None:
    op.drop_column("attempt", "relay")
    op.drop_table("throttle")
