"""The revision that a subscriber knows of each paper they saved, for news of it.

For papers that are saved already that is the current one. Its facts are completed by those that revisions did not have,
so that nothing old is told as new.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SAVED = sa.table("feedback", sa.column("paper"), sa.column("verdict"), sa.column("known_revision"))
_PAPER = sa.table("paper", sa.column("id"), sa.column("revision_id"), sa.column("withdrawn", sa.Boolean()))
_REVISION = sa.table("revision", sa.column("id"), sa.column("paper"), sa.column("facts", sa.JSON()))
_SIGHTING = sa.table("sighting", sa.column("paper"), sa.column("version"))
_ALIAS = sa.table("paper_alias", sa.column("paper"), sa.column("alias"))


def upgrade() -> None:
    """Add the column and fill it for the saved papers."""
    op.add_column("feedback", sa.Column("known_revision", _KEY, nullable=True))
    saved, paper, shown, current = _SAVED.c, _PAPER.alias().c, _REVISION.alias().c, _PAPER.c
    # a merged paper keeps its revision, which belongs to the paper it is now
    known = (
        sa.select(current.revision_id)
        .where(paper.id == saved.paper, shown.id == paper.revision_id, current.id == shown.paper)
        .scalar_subquery()
    )
    connection = op.get_bind()
    connection.execute(sa.update(_SAVED).where(saved.verdict == "saved").values(known_revision=known))
    version = sa.select(sa.func.max(_SIGHTING.c.version)).where(_SIGHTING.c.paper == current.id).scalar_subquery()
    doi = (
        sa.select(sa.func.min(_ALIAS.c.alias))
        .where(_ALIAS.c.paper == current.id, _ALIAS.c.alias.like("doi:%"))
        .scalar_subquery()
    )
    query = (
        sa.select(_REVISION.c.id, _REVISION.c.facts, current.withdrawn, version.label("version"), doi.label("doi"))
        .join_from(_REVISION, _PAPER, current.revision_id == _REVISION.c.id)
        .where(_REVISION.c.id.in_(sa.select(saved.known_revision).where(saved.known_revision.is_not(None))))
    )
    for row in connection.execute(query).all():
        more = {"version": row.version, "doi": (row.doi or "").removeprefix("doi:"), "withdrawn": row.withdrawn}
        facts = {**row.facts, **{name: value for name, value in more.items() if value}}
        connection.execute(sa.update(_REVISION).where(_REVISION.c.id == row.id).values(facts=facts))


def downgrade() -> None:
    """Drop the column, and the facts that older versions do not read."""
    op.drop_column("feedback", "known_revision")
    connection = op.get_bind()
    for row in connection.execute(sa.select(_REVISION.c.id, _REVISION.c.facts)).all():
        facts = {name: value for name, value in row.facts.items() if name not in {"version", "doi", "withdrawn"}}
        if facts != row.facts:
            connection.execute(sa.update(_REVISION).where(_REVISION.c.id == row.id).values(facts=facts))
