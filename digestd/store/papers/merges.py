"""Merges of two papers that are one work, pairs that an operator keeps apart, and the keys that suggest a merge.

A merge moves everything to the older row, and can be undone. The younger row stays, archived, because picks of old
digests refer to it; `merged:<its number>` becomes an alias of the older one. Undoing moves everything back, with
whatever was reported since under the identifiers that moved. A pair that an operator has split is only merged again by
an operator.

Papers that share a similarity key are candidates for being one work under two names. Rows of a merged paper keep its
row number; lookups return the paper it was merged into.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, insert, or_, select, update
from sqlmodel import Session

from digestd.store import core
from digestd.store.bulk import chunks, insert_plain
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
    inherit_forbidden(session, kept, other, now)
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
    for name, at, _ in moved["signals_added"]:
        session.connection().execute(_DELETE_SIGNAL, {"b_key": holder, "b_name": name, "b_at": at})
    _insert_signals(session, other, moved["signals"])
    connection.execute(update(core.paper).where(_P.id == holder).values(paper_id=f"split:{holder}"))
    connection.execute(
        update(core.paper).where(_P.id == other).values(paper_id=f"split:{other}", archived=moved["absorbed"][0])
    )
    if holder == merging.kept and not moved["absorbed"][0]:
        archived, first_seen, published = moved["kept"]
        before = {"archived": archived, "first_seen_us": first_seen, "published_us": published}
        connection.execute(update(core.paper).where(_P.id == holder).values(before))
    connection.execute(update(core.merge).where(_M.id == merging.number).values(undone_us=to_us(now)))
    return holder


def of_paper(session: Session, paper: int) -> list[Merge]:
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
    """Add the signal history of one paper to another's. Existing values of the same time win."""
    history = _history(session, other)
    known = {(name, at) for name, at, _ in _history(session, kept)}
    added = [value for value in history if (value[0], value[1]) not in known]
    session.connection().execute(delete(core.signal).where(_S.paper == other))
    _insert_signals(session, kept, added)
    return {"signals": history, "signals_added": added}


def _history(session: Session, paper: int) -> list[tuple[str, int, float]]:
    query = select(_S.name, _S.at_us, _S.value).where(_S.paper == paper).order_by(_S.name, _S.at_us)
    return [(row.name, row.at_us, row.value) for row in session.connection().execute(query)]


def _insert_signals(session: Session, paper: int, values: Sequence[tuple[str, int, float]]) -> None:
    rows = [{"paper": paper, "name": name, "at_us": at, "value": value} for name, at, value in values]
    core.execute_many(session, insert(core.signal), rows)


def _identifiers_to_return(session: Session, holder: int, moved: Sequence[str]) -> list[str]:
    """Return the moved identifiers, and those that only their sightings have added since."""
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


_X = core.do_not_merge.c


def forbidden_pairs(session: Session, keys: Iterable[int]) -> frozenset[tuple[int, int]]:
    """Return the pairs that any of these papers belongs to, lower row number first."""
    return frozenset(
        (row.one, row.other)
        for chunk in chunks(set(keys))
        for row in session.connection().execute(
            select(_X.one, _X.other).where(or_(_X.one.in_(chunk), _X.other.in_(chunk)))
        )
    )


def forbid_merge(session: Session, pairs: Iterable[tuple[int, int]], now: datetime) -> None:
    """Add pairs that must not be merged; existing pairs stay."""
    wanted = {(min(pair), max(pair)) for pair in pairs}
    known = forbidden_pairs(session, {key for pair in wanted for key in pair})
    rows = [{"one": one, "other": other, "at_us": to_us(now)} for one, other in sorted(wanted - known)]
    core.execute_many(session, insert(core.do_not_merge), rows)


def inherit_forbidden(session: Session, kept: int, absorbed: int, now: datetime) -> None:
    """Give the kept paper the do-not-merge pairs of the absorbed one."""
    others = {one if other == absorbed else other for one, other in forbidden_pairs(session, [absorbed])}
    forbid_merge(session, [(kept, other) for other in others - {kept}], now)


def allow_merge(session: Session, some: Iterable[int], others: Iterable[int]) -> None:
    """Remove all pairs between two groups of papers, because an operator merges them."""
    for pair in product(some, others):
        session.connection().execute(delete(core.do_not_merge).where(and_(_X.one == min(pair), _X.other == max(pair))))


_L = core.similarity_key.c


def add_similarity_keys(session: Session, keys: Mapping[int, Iterable[int]]) -> None:
    """Store the keys (values) of papers (row numbers), only those that are new."""
    # In the order of the index: at random, every row would touch another page of it.
    ordered = sorted((key, paper) for paper, held in keys.items() for key in held)
    rows = [{"key": key, "paper": paper} for key, paper in ordered]
    insert_plain(session, core.similarity_key, rows)


def similarity_keys_of(session: Session, papers: Iterable[int]) -> dict[int, set[int]]:
    """Return the keys stored for these row numbers."""
    found: dict[int, set[int]] = {}
    for chunk in chunks(set(papers)):
        for row in session.connection().execute(select(_L.paper, _L.key).where(_L.paper.in_(chunk))):
            found.setdefault(row.paper, set()).add(row.key)
    return found


def papers_sharing(session: Session, keys: Iterable[int]) -> dict[int, set[int]]:
    """Return the papers that have each of these keys; unused keys are absent."""
    return _sharing(session, keys, select(_L.key, _L.paper))


def non_arxiv_papers_sharing(session: Session, keys: Iterable[int]) -> dict[int, set[int]]:
    """Return the same without arXiv papers: two of them are never one work."""
    return _sharing(session, keys, _NOT_OF_ARXIV)


_NOT_OF_ARXIV = (
    select(_L.key, _L.paper)
    .join_from(core.similarity_key, core.paper, core.paper.c.id == _L.paper)
    .where(core.paper.c.paper_id.not_like("arxiv:%"))
)


def _sharing(session: Session, keys: Iterable[int], query: core.Query) -> dict[int, set[int]]:
    connection = session.connection()
    rows = [row for chunk in chunks(set(keys)) for row in connection.execute(query.where(_L.key.in_(chunk)))]
    now = merged_into(session, {row.paper for row in rows}) if rows else {}
    found: dict[int, set[int]] = {}
    for row in rows:
        found.setdefault(row.key, set()).add(now.get(row.paper, row.paper))
    return found
