"""What replies to mails of subscribers say, and two more ends of a mail that came in."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BEFORE = "'taken', 'known', 'automatic', 'forged', 'foreign', 'unread', 'too_large'"
OUTCOMES = "'taken', 'command', 'unproven', 'known', 'automatic', 'forged', 'foreign', 'unread', 'too_large'"


def upgrade() -> None:
    op.create_table(
        "reply",
        sa.Column("delivery_id", KEY, nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("answers", sa.String(length=260), nullable=False),
        sa.Column("asks", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_reply_delivery_id")),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_reply")),
    )
    _outcomes(OUTCOMES)


def downgrade() -> None:
    op.execute("DELETE FROM inbound WHERE outcome IN ('command', 'unproven')")
    _outcomes(BEFORE)
    op.drop_table("reply")


def _outcomes(allowed: str) -> None:
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_inbound_outcome"), type_="check")
        batch_op.create_check_constraint(op.f("ck_inbound_outcome"), f"outcome IN ({allowed})")
