"""Libraries at Zotero and ORCID that subscribers linked, and what stands in them."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "library",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("subscriber_id", KEY, nullable=False),
        sa.Column("keeper", sa.String(length=10), nullable=False),
        sa.Column("place", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("may_write", sa.Boolean(), nullable=False),
        sa.Column("standing", sa.String(length=10), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("linked_us", sa.BigInteger(), nullable=False),
        sa.Column("next_us", sa.BigInteger(), nullable=False),
        sa.Column("synced_us", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.CheckConstraint("keeper IN ('zotero', 'orcid')", name=op.f("ck_library_keeper")),
        sa.CheckConstraint("standing IN ('linked', 'refused', 'gone')", name=op.f("ck_library_standing")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_library_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library")),
        sa.UniqueConstraint("subscriber_id", "keeper", "place", name=op.f("uq_library_subscriber_id_keeper_place")),
    )
    linked = sa.text("standing = 'linked'")
    op.create_index("ix_library_next", "library", ["next_us"], sqlite_where=linked, postgresql_where=linked)
    op.create_table(
        "library_entry",
        sa.Column("library_id", KEY, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("paper", sa.String(length=500), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("counts", sa.String(length=10), nullable=False),
        sa.CheckConstraint("counts IN ('liked', 'own', 'beyond', 'dropped')", name=op.f("ck_library_entry_counts")),
        sa.ForeignKeyConstraint(["library_id"], ["library.id"], name=op.f("fk_library_entry_library_id")),
        sa.PrimaryKeyConstraint("library_id", "name", name=op.f("pk_library_entry")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("library_entry")
    op.drop_index("ix_library_next", "library")
    op.drop_table("library")
