"""The ledger's conditions without lists: at every row it checks, SQLite makes a table of an IN of three or more.

A mail's row is checked three times on its way, its attempt as often, and those tables were half of what it cost.
PostgreSQL reads a list once, and keeps its own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

STATES = "ready empty leased dot accepted rejected skipped expired poisoned uncertain abandoned"
LISTS = (
    ("state", STATES),
    ("state", "rejected skipped expired poisoned abandoned uncertain"),
    ("state", "dot accepted uncertain"),
    ("outcome", "accepted temp perm not_sent aborted uncertain"),
    ("phase", "open dot closed"),
)
AT_WORK = "ready leased dot poisoned"
STEPS = {
    "ready": "leased skipped expired",
    "leased": "ready dot rejected skipped expired poisoned",
    "dot": "accepted ready rejected uncertain",
    "uncertain": "accepted ready abandoned",
    "poisoned": "ready abandoned expired skipped",
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    _reword({given: meant for table in LISTS for given, meant in _both(*table)})
    _index(_either("state", AT_WORK))
    legal = " OR ".join(f"OLD.state = '{before}' AND {_either('NEW.state', after)}" for before, after in STEPS.items())
    _trigger(f"NOT ({legal})")


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    _reword({meant: given for table in LISTS for given, meant in _both(*table)})
    _index(_in("state", AT_WORK))
    legal = ", ".join(f"'{before}>{after}'" for before, afters in STEPS.items() for after in afters.split())
    _trigger(f"OLD.state || '>' || NEW.state NOT IN ({legal})")


def _both(column: str, values: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """The condition and its contrary, each as a list and without one."""
    listed, either = _in(column, values), _either(column, values)
    return (listed.replace(" IN ", " NOT IN "), f"NOT {either}"), (listed, either)


def _in(column: str, values: str) -> str:
    return f"{column} IN ({', '.join(map(repr, values.split()))})"


def _either(column: str, values: str) -> str:
    return f"({' OR '.join(f'{column} = {value!r}' for value in values.split())})"


def _reword(words: dict[str, str]) -> None:
    """In the schema itself: SQLite's own way where nothing changes in the file but words ("ALTER TABLE", section 8)."""
    schema = op.get_bind()
    rewritten = sa.text(
        "UPDATE sqlite_master SET sql = replace(sql, :given, :meant) WHERE name IN ('delivery', 'attempt')"
    )
    schema.exec_driver_sql("PRAGMA writable_schema=ON")
    for given, meant in words.items():
        schema.execute(rewritten, {"given": given, "meant": meant})
    schema.exec_driver_sql("PRAGMA writable_schema=RESET")


def _index(condition: str) -> None:
    op.drop_index("ix_delivery_work", "delivery")
    op.create_index("ix_delivery_work", "delivery", ["state", "not_before_us"], sqlite_where=sa.text(condition))


def _trigger(illegal: str) -> None:
    op.execute("DROP TRIGGER delivery_step")
    op.execute(
        f"""
        CREATE TRIGGER delivery_step BEFORE UPDATE OF state ON delivery
        WHEN OLD.state <> NEW.state AND {illegal}
        BEGIN SELECT RAISE(ABORT, 'illegal step of a delivery'); END
        """
    )
