"""Let an empty digest be planned again before the subscriber's day is over."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STEPS = {
    "ready": "leased skipped expired rejected",
    "leased": "ready final_dot rejected skipped expired poisoned",
    "final_dot": "accepted ready rejected uncertain",
    "uncertain": "accepted ready abandoned",
    "poisoned": "ready abandoned expired skipped",
}
"""The legal changes of a delivery's state before this revision."""
OPEN = "status = 'active' AND empty_until_us IS NOT NULL"


def upgrade() -> None:
    """Note until when an empty digest may be filled, and allow it."""
    op.add_column("subscriber", sa.Column("empty_until_us", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_subscriber_empty",
        "subscriber",
        ["empty_until_us", "horizon", "last_planned_us", "next_due_us"],
        sqlite_where=sa.text(OPEN),
        postgresql_where=sa.text(OPEN),
    )
    _guard_deliveries({**STEPS, "empty": "ready"})


def downgrade() -> None:
    """Make every empty digest final."""
    _guard_deliveries(STEPS)
    op.drop_index("ix_subscriber_empty", "subscriber")
    op.drop_column("subscriber", "empty_until_us")


def _guard_deliveries(steps: dict[str, str]) -> None:
    """Refuse all other changes of a delivery's state in the database itself."""
    if op.get_bind().dialect.name == "sqlite":
        legal = " OR ".join(
            f"(OLD.state = '{before}' AND NEW.state = '{after}')"
            for before, afters in steps.items()
            for after in afters.split()
        )
        op.execute("DROP TRIGGER delivery_state_change")
        op.execute(
            "CREATE TRIGGER delivery_state_change BEFORE UPDATE OF state ON delivery "
            f"WHEN OLD.state <> NEW.state AND NOT ({legal}) "
            "BEGIN SELECT RAISE(ABORT, 'illegal state change of a delivery'); END"
        )
        return
    legal = ", ".join(f"'{before}>{after}'" for before, afters in steps.items() for after in afters.split())
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION delivery_state_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' AND NEW.state NOT IN ('ready', 'empty') THEN
                RAISE EXCEPTION 'illegal initial state of a delivery';
            ELSIF TG_OP = 'UPDATE' AND OLD.state <> NEW.state
                AND OLD.state || '>' || NEW.state NOT IN ({legal}) THEN
                RAISE EXCEPTION 'illegal state change of a delivery';
            END IF;
            RETURN NEW;
        END $$
        """
    )
