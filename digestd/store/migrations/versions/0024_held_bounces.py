"""Bounces that are held, bounces that prove nothing, and refusals whose verdict comes after the answer of the relay."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

BEFORE = "taken command unproven known automatic forged foreign unread too_large"
OUTCOMES = f"{BEFORE} untagged"
STEPS = {
    "ready": "leased skipped expired",
    "leased": "ready dot rejected skipped expired poisoned",
    "dot": "accepted ready rejected uncertain",
    "uncertain": "accepted ready abandoned",
    "poisoned": "ready abandoned expired skipped",
}
WITH_VERDICTS = STEPS | {"ready": "leased skipped expired rejected"}


def upgrade() -> None:
    op.add_column("bounce", sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("bounce", "held", server_default=None)
    some = sa.text("held")
    op.create_index("ix_bounce_held", "bounce", ["at_us"], sqlite_where=some, postgresql_where=some)
    _outcomes(OUTCOMES)
    _steps(WITH_VERDICTS)


def downgrade() -> None:
    _steps(STEPS)
    op.execute("DELETE FROM inbound WHERE outcome = 'untagged'")
    _outcomes(BEFORE)
    op.drop_index("ix_bounce_held", "bounce")
    op.drop_column("bounce", "held")


def _outcomes(allowed: str) -> None:
    listed = ", ".join(map(repr, allowed.split()))
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_inbound_outcome"), type_="check")
        batch_op.create_check_constraint(op.f("ck_inbound_outcome"), f"outcome IN ({listed})")


def _steps(steps: dict[str, str]) -> None:
    if op.get_bind().dialect.name == "sqlite":
        _trigger(steps)
    else:
        _function(steps)


def _trigger(steps: dict[str, str]) -> None:
    """Without lists, as migration 0019 has it."""
    either = " OR ".join(
        f"OLD.state = '{before}' AND ({' OR '.join(f'NEW.state = {after!r}' for after in afters.split())})"
        for before, afters in steps.items()
    )
    op.execute("DROP TRIGGER delivery_step")
    op.execute(
        f"""
        CREATE TRIGGER delivery_step BEFORE UPDATE OF state ON delivery
        WHEN OLD.state <> NEW.state AND NOT ({either})
        BEGIN SELECT RAISE(ABORT, 'illegal step of a delivery'); END
        """
    )


def _function(steps: dict[str, str]) -> None:
    legal = ", ".join(f"'{before}>{after}'" for before, afters in steps.items() for after in afters.split())
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION delivery_step() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' AND NEW.state NOT IN ('ready', 'empty') THEN
                RAISE EXCEPTION 'illegal birth of a delivery';
            ELSIF TG_OP = 'UPDATE' AND OLD.state <> NEW.state
                AND OLD.state || '>' || NEW.state NOT IN ({legal}) THEN
                RAISE EXCEPTION 'illegal step of a delivery';
            END IF;
            RETURN NEW;
        END $$
        """
    )
