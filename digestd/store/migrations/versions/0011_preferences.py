"""Pauses that end, links that can be made void, moves to another address, and the whole record of consent."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SAME = " AND ".join(f"NEW.{name} = OLD.{name}" for name in ("subscriber_id", "version", "status", "cause", "at_us"))
FORGOTTEN = f"{SAME} AND coalesce(NEW.wording, '') = coalesce(OLD.wording, '') AND NEW.network IS NULL"
"""All that may change: where it was said from goes when the person is erased."""


def upgrade() -> None:
    op.add_column("subscriber", sa.Column("paused_until_us", sa.BigInteger(), nullable=True))
    op.add_column("subscriber", sa.Column("links_from_us", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(
        "ix_subscriber_pause", "subscriber", ["paused_until_us"], unique=False,
        sqlite_where=sa.text("paused_until_us IS NOT NULL"), postgresql_where=sa.text("paused_until_us IS NOT NULL"),
    )  # fmt: skip
    op.add_column("delivery", sa.Column("recipient_key", sa.LargeBinary(length=32), nullable=True))
    op.add_column("consent_event", sa.Column("network", sa.LargeBinary(length=32), nullable=True))
    op.add_column("consent_event", sa.Column("wording", sa.String(length=64), nullable=True))
    op.create_table(
        "wording",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_wording")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "moving",
        sa.Column("subscriber_id", KEY, nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("address_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=True),
        sa.Column("to_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_moving_subscriber_id")),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_moving")),
    )
    op.create_table(
        "invitation",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("address_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
    )
    op.create_index(op.f("ix_invitation_address_key"), "invitation", ["address_key"], unique=False)
    op.create_index(op.f("ix_invitation_at_us"), "invitation", ["at_us"], unique=False)
    op.execute(
        "INSERT INTO invitation (address_key, at_us) SELECT s.address_key, e.at_us FROM consent_event e "
        "JOIN subscriber s ON s.id = e.subscriber_id WHERE e.status = 'pending'"
    )
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _guard_sqlite() -> None:
    for table, allowed in (("consent_event", FORGOTTEN), ("wording", "0")):
        op.execute(
            f"CREATE TRIGGER {table}_unchanged BEFORE UPDATE ON {table} WHEN NOT ({allowed}) "
            "BEGIN SELECT RAISE(ABORT, 'the record of consent is append-only'); END"
        )
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'the record of consent is append-only'); END"
        )


def _guard_postgresql() -> None:
    op.execute(
        f"""
        CREATE FUNCTION consent_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'consent_event' THEN
                IF {FORGOTTEN} THEN RETURN NEW; END IF;
            END IF;
            RAISE EXCEPTION 'the record of consent is append-only';
        END $$
        """
    )
    for table in ("consent_event", "wording"):
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION consent_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION consent_append_only()"
        )


def downgrade() -> None:
    for table in ("consent_event", "wording"):
        for name in ("unchanged", "kept") if op.get_bind().dialect.name == "sqlite" else ("kept", "whole"):
            on = "" if op.get_bind().dialect.name == "sqlite" else f" ON {table}"
            op.execute(f"DROP TRIGGER {table}_{name}{on}")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION consent_append_only()")
    op.drop_table("invitation")
    op.drop_table("moving")
    op.drop_table("wording")
    op.drop_column("consent_event", "wording")
    op.drop_column("consent_event", "network")
    op.drop_column("delivery", "recipient_key")
    op.drop_index("ix_subscriber_pause", table_name="subscriber")
    op.drop_column("subscriber", "links_from_us")
    op.drop_column("subscriber", "paused_until_us")
