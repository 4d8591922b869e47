"""How often the secret address of a saved list was renewed."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "saved_edition",
        sa.Column("subscriber_id", KEY, nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_saved_edition_subscriber_id")),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_saved_edition")),
    )


def downgrade() -> None:
    op.drop_table("saved_edition")
