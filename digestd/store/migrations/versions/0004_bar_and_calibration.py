"""How good papers must be for a subscriber, whether one may be explored, and what the install has learnt of chances."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # in the column, as SQLite adds no constraint to a table that is there
    op.execute(
        "ALTER TABLE subscriber ADD COLUMN bar VARCHAR(10) DEFAULT 'normal' NOT NULL "
        "CONSTRAINT ck_subscriber_bar CHECK (bar IN ('low', 'normal', 'high'))"
    )
    op.add_column("subscriber", sa.Column("explore", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.create_table(
        "calibration",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("fitted_us", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration")),
    )


def downgrade() -> None:
    op.drop_table("calibration")
    op.execute("ALTER TABLE subscriber DROP COLUMN explore")
    op.execute("ALTER TABLE subscriber DROP COLUMN bar")  # and its constraint with it
