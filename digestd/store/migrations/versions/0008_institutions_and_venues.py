"""Interests in institutions and venues. SQLite cannot change a check, so its tables are written again."""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
_OLD, _NEW = ("topic", "phrase", "author", "category"), ("institution", "venue")
_TABLES = {"interest": ("paper",), "group_interest": (), "muting": ()}
"""The tables, and which kinds each has besides."""


def upgrade() -> None:
    """Allow them."""
    _allow((*_OLD, *_NEW), 12)


def downgrade() -> None:
    """Delete them, and allow them no longer."""
    for table in _TABLES:
        op.execute(f"DELETE FROM {table} WHERE kind IN {_NEW}")  # noqa: S608  # a literal
    _allow(_OLD, 10)


def _allow(kinds: Sequence[str], length: int) -> None:
    for table, others in _TABLES.items():
        check = " OR ".join(f"kind = '{kind}'" for kind in (*kinds, *others))
        if op.get_bind().dialect.name == "postgresql":
            op.drop_constraint(f"ck_{table}_kind", table)
            op.alter_column(table, "kind", type_=sa.String(length))
            op.create_check_constraint(op.f(f"ck_{table}_kind"), table, check)
        else:
            _rewrite(table, check, length)


def _rewrite(table: str, check: str, length: int) -> None:
    """Write a table of SQLite again with another check of its column `kind`."""
    master = sa.table("sqlite_master", sa.column("type"), sa.column("tbl_name"), sa.column("sql"))
    parts = op.get_bind().execute(sa.select(master.c.type, master.c.sql).where(master.c.tbl_name == table)).all()
    [created] = [sql for kind, sql in parts if kind == "table"]
    created = re.sub(rf"(CONSTRAINT ck_{table}_kind) CHECK \(.*\)", rf"\1 CHECK ({check})", created)
    created = re.sub(r"kind VARCHAR\(\d+\)", f"kind VARCHAR({length})", created)
    op.rename_table(table, f"{table}_before")
    op.execute(created)
    op.execute(f"INSERT INTO {table} SELECT * FROM {table}_before")  # noqa: S608  # a literal
    op.drop_table(f"{table}_before")
    for sql in (sql for kind, sql in parts if kind == "index" and sql):
        op.execute(sql)
