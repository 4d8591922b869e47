"""Mails that others can cause are counted four ways; what a sign-up asks for is kept until it is confirmed."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "caused_mail",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("pool", sa.String(length=10), nullable=False),
        sa.Column("address_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("causer", sa.String(length=40), nullable=False),
        sa.Column("network", sa.LargeBinary(length=32), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caused_mail")),
    )
    for column in ("address_key", "causer", "network"):
        op.create_index(f"ix_caused_mail_{column}", "caused_mail", [column, "at_us"], unique=False)
    op.create_index("ix_caused_mail_pool", "caused_mail", ["pool", "at_us"], unique=False)
    op.create_index("ix_caused_mail_at_us", "caused_mail", ["at_us"], unique=False)
    op.execute(
        "INSERT INTO caused_mail (pool, address_key, causer, at_us) "
        "SELECT 'stranger', address_key, '', at_us FROM invitation"
    )
    op.drop_table("invitation")
    op.create_table(
        "pending_request",
        sa.Column("subscriber_id", KEY, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("record", sa.Text(), nullable=True),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("network", sa.LargeBinary(length=32), nullable=True),
        sa.Column("wording", sa.String(length=64), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_pending_request_subscriber_id")),
        sa.PrimaryKeyConstraint("subscriber_id", "n", name=op.f("pk_pending_request")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_pending_request_at_us", "pending_request", ["at_us"], unique=False)
    # A confirmation that is out was named by its consent version, and what it asks for is in the subscriber's row.
    op.execute(
        "INSERT INTO pending_request (subscriber_id, n, version, cause, at_us) "
        "SELECT subscriber_id, version, version, cause, at_us FROM consent_event WHERE status = 'pending'"
    )


def downgrade() -> None:
    op.drop_table("pending_request")
    op.create_table(
        "invitation",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("address_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
    )
    op.create_index(op.f("ix_invitation_address_key"), "invitation", ["address_key"], unique=False)
    op.create_index(op.f("ix_invitation_at_us"), "invitation", ["at_us"], unique=False)
    op.execute("INSERT INTO invitation (address_key, at_us) SELECT address_key, at_us FROM caused_mail")
    op.drop_table("caused_mail")
