"""Refuse illegal steps of a delivery in the database itself."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STEPS = (
    "ready>leased ready>skipped ready>expired "
    "leased>ready leased>dot leased>rejected leased>skipped leased>expired leased>poisoned "
    "dot>accepted dot>ready dot>rejected dot>uncertain "
    "uncertain>accepted uncertain>ready uncertain>abandoned "
    "poisoned>ready poisoned>abandoned poisoned>expired poisoned>skipped"
)
LEGAL = ", ".join(f"'{step}'" for step in STEPS.split())


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"""
            CREATE TRIGGER delivery_step BEFORE UPDATE OF state ON delivery
            WHEN OLD.state <> NEW.state AND OLD.state || '>' || NEW.state NOT IN ({LEGAL})
            BEGIN SELECT RAISE(ABORT, 'illegal step of a delivery'); END
            """
        )
        op.execute(
            """
            CREATE TRIGGER delivery_birth BEFORE INSERT ON delivery
            WHEN NEW.state NOT IN ('ready', 'empty')
            BEGIN SELECT RAISE(ABORT, 'illegal birth of a delivery'); END
            """
        )
        return
    op.execute(
        f"""
        CREATE FUNCTION delivery_step() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' AND NEW.state NOT IN ('ready', 'empty') THEN
                RAISE EXCEPTION 'illegal birth of a delivery';
            ELSIF TG_OP = 'UPDATE' AND OLD.state <> NEW.state
                AND OLD.state || '>' || NEW.state NOT IN ({LEGAL}) THEN
                RAISE EXCEPTION 'illegal step of a delivery';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER delivery_step BEFORE INSERT OR UPDATE OF state ON delivery "
        "FOR EACH ROW EXECUTE FUNCTION delivery_step()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER delivery_step" + ("" if op.get_bind().dialect.name == "sqlite" else " ON delivery"))
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER delivery_birth")
    else:
        op.execute("DROP FUNCTION delivery_step()")
