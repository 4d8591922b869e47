"""What could not be composed waits too: the index of work has it."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _anew("state IN ('ready', 'leased', 'dot', 'poisoned')")


def downgrade() -> None:
    _anew("state IN ('ready', 'leased', 'dot')")


def _anew(condition: str) -> None:
    some = sa.text(condition)
    op.drop_index("ix_delivery_work", "delivery")
    op.create_index(
        "ix_delivery_work", "delivery", ["state", "not_before_us"], sqlite_where=some, postgresql_where=some
    )
