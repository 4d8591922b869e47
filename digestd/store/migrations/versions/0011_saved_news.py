"""The revision that a subscriber knows of each paper they saved, for news of it.

For papers that are saved already that is the current one. The facts of current revisions are completed by those that
they did not have, so that nothing old is told as new, also of papers that are saved later.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from digestd.domain.paper import PaperId
from digestd.sources.identifiers import is_preprint, is_publication

revision = "0011"
down_revision = "0010"
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SAVED = sa.table("feedback", sa.column("paper"), sa.column("verdict"), sa.column("known_revision"))
_PAPER = sa.table("paper", sa.column("id"), sa.column("revision_id"), sa.column("withdrawn", sa.Boolean()))
_REVISION = sa.table("revision", sa.column("id"), sa.column("paper"), sa.column("facts", sa.JSON()))
_SIGHTING = sa.table(
    "sighting",
    *map(sa.column, ("paper", "version", "seen_us", "id", "source", "external_id")),
    sa.column("record", sa.JSON()),
)
_ALIAS = sa.table("paper_alias", sa.column("paper"), sa.column("alias"))
_ADDED = frozenset({"version", "doi", "withdrawn", "retracted", "venue_unread"})
_BATCH = 1000
Row = sa.Row[*tuple[Any, ...]]


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
    _complete(connection)


def _complete(connection: sa.Connection) -> None:
    """Add the facts that older versions did not write to the current revision of each paper."""
    row, current, last = _REVISION.c, _PAPER.c, 0
    query = sa.select(current.id, current.withdrawn, row.id.label("revision"), row.facts).join_from(
        _PAPER, _REVISION, current.revision_id == row.id
    )
    while found := connection.execute(query.where(current.id > last).order_by(current.id).limit(_BATCH)).all():
        names, sightings = _of_papers(connection, _ALIAS, last, found), _of_papers(connection, _SIGHTING, last, found)
        changed = []
        for one in found:
            if not isinstance(one.facts, dict):
                continue  # damaged
            more = _facts([PaperId(name.alias) for name in names[one.id]], sightings[one.id])
            more["withdrawn"] = one.withdrawn
            if not (one.facts.get("venue") or more["doi"]):
                more["venue_unread"] = any(name.alias.startswith("arxiv:") for name in names[one.id])
            if added := {name: value for name, value in more.items() if value}:
                changed.append({"row": one.revision, "new": {**one.facts, **added}})
        if changed:
            connection.execute(_SET_FACTS, changed)
        last = found[-1].id


_SET_FACTS = sa.update(_REVISION).where(_REVISION.c.id == sa.bindparam("row")).values(facts=sa.bindparam("new"))


def _of_papers(
    connection: sa.Connection, table: sa.TableClause, after: int, papers: Sequence[Row]
) -> Mapping[int, list[Row]]:
    """Return the rows of a table by paper."""
    found: dict[int, list[Row]] = {paper.id: [] for paper in papers}
    for row in connection.execute(sa.select(table).where(table.c.paper > after, table.c.paper <= papers[-1].id)):
        found.get(row.paper, []).append(row)
    return found


def _facts(names: Sequence[PaperId], sightings: Sequence[Row]) -> dict[str, object]:
    in_order = sorted(sightings, key=lambda one: (one.version or 0, one.seen_us, one.id))
    newest = {(one.source, one.external_id): one.record for one in in_order}
    return {
        "version": max((one.version or 0 for one in sightings), default=0),
        "doi": min(filter(is_publication, names), default="").removeprefix("doi:"),
        "retracted": any(
            one.get("withdrawn")
            and not source.startswith("arxiv")
            and not is_preprint(one["ids"][0])
            and any(map(is_publication, one["ids"]))
            for (source, _), one in newest.items()
        ),
    }


def downgrade() -> None:
    """Drop the column, and the facts that older versions do not read."""
    op.drop_column("feedback", "known_revision")
    connection = op.get_bind()
    for row in connection.execute(sa.select(_REVISION.c.id, _REVISION.c.facts)).all():
        facts = {name: value for name, value in row.facts.items() if name not in _ADDED}
        if facts != row.facts:
            connection.execute(sa.update(_REVISION).where(_REVISION.c.id == row.id).values(facts=facts))
