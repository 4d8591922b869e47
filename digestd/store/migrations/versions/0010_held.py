"""Which digest offers one before it that may not have arrived."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_INDEXES = {
    "ix_delivery_uncertain": (["subscriber_id"], sa.text("state = 'uncertain'")),
    "ix_delivery_offered": (["offered_in"], sa.text("offered_in IS NOT NULL")),
}


def upgrade() -> None:
    op.add_column("delivery", sa.Column("offered_in", sa.BigInteger(), nullable=True))
    for name, (columns, where) in _INDEXES.items():
        op.create_index(name, "delivery", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, "delivery")
    op.drop_column("delivery", "offered_in")
