"""Merges of two papers that are one work.

Everything moves to the older row, and a merge can be undone.

The younger row stays, archived, because picks of old digests refer to it; `merged:<its number>` becomes an alias of
the older one. Undoing moves everything back, with whatever was reported since under the identifiers that moved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, delete, insert, or_, select, update
from sqlmodel import Session

from digestd.store import core, do_not_merge
from digestd.store.papers import MERGED, merge_groups, merged_into
from digestd.store.timestamps import from_us, to_us

_P, _S, _A, _G, _M = core.paper.c, core.signal.c, core.paper_alias.c, core.sighting.c, core.merge.c
EVIDENCE_MAX = 500


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge of two papers.

    `by`: identifier, similarity or operator; `evidence`: the reason.
    """

    number: int
    kept: int
    absorbed: int
    by: str
    evidence: str
    at: datetime
    undone: datetime | None


def merge(session: Session, kept: int, other: int, why: tuple[str, str], now: datetime) -> None:
    """Move all data of one paper to another.

    `why`: what merged them, and the evidence.
    """
    connection = session.connection()
    before = {
        row.id: [row.archived, row.first_seen_us, row.published_us]
        for row in connection.execute(select(core.paper).where(_P.id.in_([kept, other])))
    }
    moved: dict[str, object] = {
        "aliases": _move(session, core.paper_alias, "alias", kept, other),
        "revisions": _move(session, core.revision, "id", kept, other),
        "sightings": _move(session, core.sighting, "id", kept, other),
        **_move_signals(session, kept, other),
        "kept": before[kept],
        "absorbed": before[other],
    }
    name = f"{MERGED}{other}"
    connection.execute(update(core.paper).where(_P.id == other).values(paper_id=name, archived=True))
    connection.execute(insert(core.paper_alias), [{"alias": name, "paper": kept}])
    do_not_merge.inherit(session, kept, other, now)
    row = {"kept": kept, "absorbed": other, "by": why[0], "evidence": why[1][:EVIDENCE_MAX], "moved": moved}
    connection.execute(insert(core.merge), [{**row, "at_us": to_us(now), "undone_us": None}])


def undo(session: Session, merging: Merge, now: datetime) -> int:
    """Undo a merge and return the row number of the paper that held the absorbed one.

    Both have a placeholder as name until the caller names them.
    """
    connection = session.connection()
    other = merging.absorbed
    holder = merged_into(session, [other])[other]
    moved: dict[str, Any] = connection.execute(select(_M.moved).where(_M.id == merging.number)).scalar_one()
    connection.execute(delete(core.paper_alias).where(_A.alias == f"{MERGED}{other}"))
    names = _identifiers_to_return(session, holder, moved["aliases"])
    _put(session, core.paper_alias, _A.alias.in_(names), holder, other)
    _put(session, core.revision, core.revision.c.id.in_(moved["revisions"]), holder, other)
    _put(session, core.sighting, or_(_G.id.in_(moved["sightings"]), _G.external_id.in_(names)), holder, other)
    _put_signals(session, moved, holder, other)
    connection.execute(update(core.paper).where(_P.id == holder).values(paper_id=f"split:{holder}"))
    connection.execute(
        update(core.paper).where(_P.id == other).values(paper_id=f"split:{other}", archived=moved["absorbed"][0])
    )
    if holder == merging.kept and not moved["absorbed"][0]:
        archived, first_seen, published = moved["kept"]
        standing = {"archived": archived, "first_seen_us": first_seen, "published_us": published}
        connection.execute(update(core.paper).where(_P.id == holder).values(standing))
    connection.execute(update(core.merge).where(_M.id == merging.number).values(undone_us=to_us(now)))
    return holder


def of_paper(session: Session, paper: int) -> list[Merge]:
    """Return the merges that made a paper, undone ones too, oldest first."""
    members = merge_groups(session, [paper]).get(paper, frozenset())
    query = select(core.merge).where(or_(_M.kept.in_(members), _M.absorbed.in_(members))).order_by(_M.id)
    return [_merging(row) for row in session.connection().execute(query)]


def add_signals(session: Session, signals: Mapping[int, Mapping[str, float]], now: datetime) -> None:
    """Add new values; a second one at the same instant takes the first one's place."""
    at = to_us(now)
    rows = [
        {"paper": key, "name": name, "at_us": at, "value": value}
        for key, values in signals.items()
        for name, value in values.items()
    ]
    if rows:
        session.connection().execute(
            _DELETE_SIGNAL, [{"b_key": row["paper"], "b_name": row["name"], "b_at": at} for row in rows]
        )
        session.connection().execute(insert(core.signal), rows)


_DELETE_SIGNAL = delete(core.signal).where(
    _S.paper == bindparam("b_key"), _S.name == bindparam("b_name"), _S.at_us == bindparam("b_at")
)


def _move(session: Session, table: Table, name: str, kept: int, other: int) -> list[object]:
    """Move the rows of a table and return their keys."""
    connection = session.connection()
    own = table.c[name]
    found = list(connection.execute(select(own).where(table.c.paper == other).order_by(own)).scalars())
    connection.execute(update(table).where(table.c.paper == other).values(paper=kept))
    return found


def _move_signals(session: Session, kept: int, other: int) -> dict[str, object]:
    """Add the signal history of one paper to another's.

    Existing values of the same time win.
    """
    history = _history(session, other)
    known = {(name, at) for name, at, _ in _history(session, kept)}
    added = [value for value in history if (value[0], value[1]) not in known]
    session.connection().execute(delete(core.signal).where(_S.paper == other))
    _insert_signals(session, kept, added)
    return {"signals": history, "signals_added": added}


def _put_signals(session: Session, moved: Mapping[str, Any], holder: int, other: int) -> None:
    for name, at, _ in moved["signals_added"]:
        session.connection().execute(_DELETE_SIGNAL, {"b_key": holder, "b_name": name, "b_at": at})
    _insert_signals(session, other, moved["signals"])


def _history(session: Session, paper: int) -> list[tuple[str, int, float]]:
    query = select(_S.name, _S.at_us, _S.value).where(_S.paper == paper).order_by(_S.name, _S.at_us)
    return [(row.name, row.at_us, row.value) for row in session.connection().execute(query)]


def _insert_signals(session: Session, paper: int, values: Sequence[tuple[str, int, float]]) -> None:
    rows = [{"paper": paper, "name": name, "at_us": at, "value": value} for name, at, value in values]
    core.execute_many(session, insert(core.signal), rows)


def _identifiers_to_return(session: Session, holder: int, moved: Sequence[str]) -> list[str]:
    """Return the moved identifiers.

    Also return those that only their sightings have added since.
    """
    connection = session.connection()
    sources_by_name: dict[str, set[bool]] = {}
    for row in connection.execute(select(_G.external_id, _G.record).where(_G.paper == holder)):
        for name in row.record["ids"]:
            sources_by_name.setdefault(name, set()).add(row.external_id in moved)
    held = set(connection.execute(select(_A.alias).where(_A.paper == holder)).scalars())
    return sorted(held & (set(moved) | {name for name, by in sources_by_name.items() if by == {True}}))


def _put(session: Session, table: Table, where: ColumnElement[bool], holder: int, other: int) -> None:
    session.connection().execute(update(table).where(table.c.paper == holder, where).values(paper=other))


def _merging(row: core.Record) -> Merge:
    undone = None if row.undone_us is None else from_us(row.undone_us)
    return Merge(row.id, row.kept, row.absorbed, row.by, row.evidence, from_us(row.at_us), undone)
