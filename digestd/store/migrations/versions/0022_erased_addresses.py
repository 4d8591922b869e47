"""An erased subscriber lets go of the keyed hash of the address, so that the same person can sign up again."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

BLOCK = 500
SUBSCRIBER = sa.table(
    "subscriber",
    sa.column("id", sa.BigInteger),
    sa.column("status", sa.String),
    sa.column("address_key", sa.LargeBinary),
)


def upgrade() -> None:
    connection, last = op.get_bind(), 0
    columns = SUBSCRIBER.c
    query = sa.select(columns.id, columns.address_key).where(columns.status == "erased").order_by(columns.id)
    while rows := connection.execute(query.where(columns.id > last).limit(BLOCK)).all():
        last = rows[-1].id
        for row in rows:
            freed = hashlib.sha256(b"erased:%d:" % row.id + bytes(row.address_key)).digest()
            connection.execute(sa.update(SUBSCRIBER).where(columns.id == row.id).values(address_key=freed))


def downgrade() -> None:
    """Leave the rows: what they were known by is not kept."""
