"""Interests of up to 1,000 characters. SQLite knows no length of text."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
_TABLES = ("interest", "group_interest", "muting")


def upgrade() -> None:
    """Widen the columns, which PostgreSQL does without writing the rows again."""
    _resize(1000)


def downgrade() -> None:
    """Narrow the columns. Longer values are cut."""
    _resize(500)


def _resize(length: int) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in _TABLES:
            op.alter_column(table, "value", type_=sa.String(length), postgresql_using=f"left(value, {length})")
