"""Papers and where they come from."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "fetch",
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("etag", sa.String(), nullable=True),
        sa.Column("last_modified", sa.String(), nullable=True),
        sa.Column("fetched_us", sa.BigInteger(), nullable=False),
        sa.Column("answered_us", sa.BigInteger(), nullable=True),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("source", "url", name=op.f("pk_fetch")),
    )
    op.create_table(
        "pace",
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("next_us", sa.BigInteger(), nullable=False),
        sa.Column("held_by", sa.String(length=40), nullable=True),
        sa.Column("held_until_us", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until_us", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_pace")),
    )
    op.create_table(
        "paper",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("paper_id", sa.String(length=400), nullable=False),
        sa.Column("revision_id", KEY, nullable=True),
        sa.Column("published_us", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_us", sa.BigInteger(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper")),
        sa.UniqueConstraint("paper_id", name=op.f("uq_paper_paper_id")),
    )
    with op.batch_alter_table("paper", schema=None) as batch_op:
        batch_op.create_index("ix_paper_first_seen_us", ["first_seen_us"], unique=False)

    op.create_table(
        "templates",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_templates")),
    )
    op.create_table(
        "text_model",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("fitted_us", sa.BigInteger(), nullable=False),
        sa.Column("papers", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_text_model")),
        sa.UniqueConstraint("version", name=op.f("uq_text_model_version")),
    )
    op.create_table(
        "paper_alias",
        sa.Column("alias", sa.String(length=400), nullable=False),
        sa.Column("paper", KEY, nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["paper.id"], name=op.f("fk_paper_alias_paper")),
        sa.PrimaryKeyConstraint("alias", name=op.f("pk_paper_alias")),
    )
    with op.batch_alter_table("paper_alias", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_paper_alias_paper"), ["paper"], unique=False)

    op.create_table(
        "revision",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("paper", KEY, nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("abstract", sa.String(), nullable=False),
        sa.Column("plain_title", sa.String(), nullable=True),
        sa.Column("plain_abstract", sa.String(), nullable=True),
        sa.Column("authors", sa.JSON(), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("links", sa.JSON(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["paper.id"], name=op.f("fk_revision_paper")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revision")),
    )
    with op.batch_alter_table("revision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_revision_paper"), ["paper"], unique=False)

    op.create_table(
        "sighting",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("paper", KEY, nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("external_id", sa.String(length=400), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("announced", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("seen_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["paper.id"], name=op.f("fk_sighting_paper")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sighting")),
        sa.UniqueConstraint("paper", "source", "digest", name=op.f("uq_sighting_paper_source_digest")),
    )
    op.create_table(
        "signal",
        sa.Column("paper", KEY, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["paper.id"], name=op.f("fk_signal_paper")),
        sa.PrimaryKeyConstraint("paper", "name", "at_us", name=op.f("pk_signal")),
    )
    op.create_table(
        "source",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("spec", sa.String(length=200), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("spec", name=op.f("uq_source_spec")),
    )
    op.create_table(
        "reject",
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("field", sa.String(length=100), nullable=False),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "n", name=op.f("pk_reject")),
    )
    op.create_table(
        "coverage",
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('fresh', 'quiet', 'partial', 'late', 'stale', 'broken')", name=op.f("ck_coverage_state")
        ),
        sa.PrimaryKeyConstraint("source", "day", name=op.f("pk_coverage")),
    )
    op.create_table(
        "likeness",
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("paper", KEY, nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["paper.id"], name=op.f("fk_likeness_paper")),
        sa.PrimaryKeyConstraint("key", "paper", name=op.f("pk_likeness")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_likeness_paper"), "likeness", ["paper"], unique=False)
    op.create_table(
        "merging",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("kept", KEY, nullable=False),
        sa.Column("absorbed", KEY, nullable=False),
        sa.Column("by", sa.String(length=20), nullable=False),
        sa.Column("evidence", sa.String(length=500), nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("undone_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["kept"], ["paper.id"], name=op.f("fk_merging_kept")),
        sa.ForeignKeyConstraint(["absorbed"], ["paper.id"], name=op.f("fk_merging_absorbed")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merging")),
    )
    op.create_index(op.f("ix_merging_kept"), "merging", ["kept"], unique=False)
    op.create_index(op.f("ix_merging_absorbed"), "merging", ["absorbed"], unique=False)
    op.create_table(
        "apart",
        sa.Column("one", KEY, nullable=False),
        sa.Column("other", KEY, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["one"], ["paper.id"], name=op.f("fk_apart_one")),
        sa.ForeignKeyConstraint(["other"], ["paper.id"], name=op.f("fk_apart_other")),
        sa.PrimaryKeyConstraint("one", "other", name=op.f("pk_apart")),
    )
    op.create_index(op.f("ix_apart_other"), "apart", ["other"], unique=False)
    op.create_table(
        "embedding",
        sa.Column("revision", KEY, nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["revision"], ["revision.id"], name=op.f("fk_embedding_revision")),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_embedding")),
    )


def downgrade() -> None:
    for table in ("embedding", "apart", "merging", "likeness", "coverage", "reject", "source"):
        op.drop_table(table)
    op.drop_table("signal")
    op.drop_table("sighting")
    with op.batch_alter_table("revision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_revision_paper"))

    op.drop_table("revision")
    with op.batch_alter_table("paper_alias", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_paper_alias_paper"))

    op.drop_table("paper_alias")
    op.drop_table("text_model")
    op.drop_table("templates")
    with op.batch_alter_table("paper", schema=None) as batch_op:
        batch_op.drop_index("ix_paper_first_seen_us")

    op.drop_table("paper")
    op.drop_table("pace")
    op.drop_table("fetch")
