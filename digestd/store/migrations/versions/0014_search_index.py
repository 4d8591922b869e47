"""The index of a search of papers: the words of each revision, in SQLite's FTS5 or an index of PostgreSQL."""

import sqlalchemy as sa
from alembic import op

from digestd.text.tokens import stored_words

revision = "0014"
down_revision = "0013"
_BLOCK = 1_000
_ROW = sa.table(
    "revision",
    *(sa.column(name) for name in ("id", "title", "abstract", "plain_title", "plain_abstract", "authors", "words")),
)
_TEXTS = (
    sa.func.coalesce(_ROW.c.plain_title, _ROW.c.title),
    sa.func.coalesce(_ROW.c.plain_abstract, _ROW.c.abstract),
    sa.cast(_ROW.c.authors, sa.Text),  # as text, so that a damaged row fails nothing
)


def upgrade() -> None:
    """Add the column, fill it in blocks, and index it."""
    op.add_column("revision", sa.Column("words", sa.String(), nullable=True))
    _fill(op.get_bind())
    op.execute("CREATE INDEX ix_revision_words_missing ON revision (id) WHERE words IS NULL")
    if op.get_bind().dialect.name == "sqlite":
        for statement in _FTS:
            op.execute(statement)
    else:
        # the block of its number finds the newest first; a short pending list, because each search reads it wholly
        op.execute(
            "CREATE INDEX ix_revision_words ON revision USING gin "
            "(array_to_tsvector(array_remove(string_to_array(words || ' #' || (id >> 10)::text, ' '), ''))) "
            "WITH (gin_pending_list_limit = 256)"
        )


def downgrade() -> None:
    """Drop what was added."""
    if op.get_bind().dialect.name == "sqlite":
        for name in ("inserted", "deleted", "updated"):
            op.execute(f"DROP TRIGGER revision_words_{name}")
        op.execute("DROP TABLE revision_words")
    else:
        op.drop_index("ix_revision_words", "revision")
    op.drop_index("ix_revision_words_missing", "revision")
    op.drop_column("revision", "words")


_DELETE = "INSERT INTO revision_words (revision_words, rowid, words) VALUES ('delete', old.id, old.words);"
_INSERT = "INSERT INTO revision_words (rowid, words) SELECT new.id, new.words WHERE new.words IS NOT NULL;"
_FTS = (
    "CREATE VIRTUAL TABLE revision_words USING fts5(words, content='revision', content_rowid='id', detail='none', "
    "columnsize=0, tokenize=\"ascii tokenchars '_'\")",
    "INSERT INTO revision_words (revision_words) VALUES ('rebuild')",
    f"CREATE TRIGGER revision_words_inserted AFTER INSERT ON revision BEGIN {_INSERT} END",
    f"CREATE TRIGGER revision_words_deleted AFTER DELETE ON revision WHEN old.words IS NOT NULL BEGIN {_DELETE} END",
    "CREATE TRIGGER revision_words_updated AFTER UPDATE OF words ON revision WHEN old.words IS NOT new.words BEGIN "
    "INSERT INTO revision_words (revision_words, rowid, words) SELECT 'delete', old.id, old.words "
    f"WHERE old.words IS NOT NULL; {_INSERT} END",
)


def _fill(connection: sa.Connection) -> None:
    last = 0
    query = sa.select(_ROW.c.id, *_TEXTS).where(_ROW.c.id > sa.bindparam("last")).order_by(_ROW.c.id).limit(_BLOCK)
    change = sa.update(_ROW).where(_ROW.c.id == sa.bindparam("b_id")).values(words=sa.bindparam("b_words"))
    while rows := connection.execute(query, {"last": last}).all():
        last = rows[-1].id
        connection.execute(change, [{"b_id": key, "b_words": stored_words(*texts)} for key, *texts in rows])
