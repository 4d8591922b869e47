"""Indexes of the papers of conferences, and of programmes."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the indexes."""
    for name, table, columns, condition in (
        ("ix_sighting_listed", "sighting", ["source", "paper", "seen_us"], sa.text("announced = 'conference'")),
        ("ix_delivery_programme", "delivery", ["key"], sa.text("kind = 'programme'")),
    ):
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    """Drop the indexes."""
    op.drop_index("ix_delivery_programme", "delivery")
    op.drop_index("ix_sighting_listed", "sighting")
