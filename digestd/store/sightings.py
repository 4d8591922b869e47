"""What sources said of papers, and the papers made of it: the writing side of `papers`.

`known` gathers what is kept of the works a page names; ingest decides; `apply` writes the
decisions in bulk. Revisions are only ever appended.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, bindparam, insert, select, text, update
from sqlmodel import Session

from digestd.domain.paper import PaperId, Sighting, Words
from digestd.store import core, merging
from digestd.store.instants import from_us, to_us
from digestd.store.papers import aliases, chunks, latest_signals, words_of

_P, _A, _R, _G = core.paper.c, core.alias.c, core.revision.c, core.sighting.c
_ADVISORY_LOCK = 0x6469676573746402
"""'digest' in ASCII: on PostgreSQL only one writer merges papers at a time, as on SQLite anyway."""


@dataclass(frozen=True, slots=True)
class Text:
    """What a revision holds."""

    words: Words
    url: str | None
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """What a source says of a paper under one identifier (`sighting.ids[0]`); `digest` is its hash."""

    source: str
    digest: bytes
    sighting: Sighting


@dataclass(frozen=True, slots=True)
class Known:
    """One paper as kept: `said` is the newest of each source and identifier, `older` the rest."""

    key: int
    id: PaperId
    aliases: tuple[PaperId, ...]
    archived: bool
    first_seen: datetime
    published: datetime
    text: Text
    said: tuple[Said, ...]
    older: frozenset[tuple[str, bytes]]
    signals: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Change:
    """What to write of one work: a new paper (`key` None) or what changed of a known one.

    `absorbed`: papers that turned out to be this one. `text`: the new revision, None if the
    words stand. `said`, `again`: sightings to add, and kept ones that hold again. `aliases`
    and `signals`: only those that are new.
    """

    key: int | None
    id: PaperId
    archived: bool
    first_seen: datetime
    published: datetime
    absorbed: tuple[int, ...] = ()
    aliases: tuple[PaperId, ...] = ()
    text: Text | None = None
    said: tuple[Said, ...] = ()
    again: tuple[Said, ...] = ()
    signals: Mapping[str, float] | None = None
    restated: bool = False
    """Whether id, archived, first_seen or published of a known paper change."""


def lock(session: Session) -> None:
    """Let one writer at a time gather, decide and apply."""
    if session.connection().dialect.name == "postgresql":
        session.connection().execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})


def known(session: Session, ids: Iterable[PaperId]) -> list[Known]:
    """The papers known under any of these identifiers, by row number."""
    keys = sorted(set(aliases(session, ids).values()))
    names: dict[int, list[PaperId]] = {}
    said: dict[int, list[core.Record]] = {}
    rows: list[core.Record] = []
    connection = session.connection()
    for chunk in chunks(keys):
        rows += connection.execute(_PAPERS.where(_P.id.in_(chunk))).all()
        for row in connection.execute(select(_A.alias, _A.paper).where(_A.paper.in_(chunk)).order_by(_A.alias)):
            names.setdefault(row.paper, []).append(PaperId(row.alias))
        for row in connection.execute(select(core.sighting).where(_G.paper.in_(chunk))):
            said.setdefault(row.paper, []).append(row)
    signals = latest_signals(session, keys)
    return [_known(row, names[row.key], said.get(row.key, []), signals.get(row.key, {})) for row in rows]


_PAPERS = (
    select(_P.id.label("key"), _P.paper_id, _P.archived, _P.first_seen_us, _P.published_us,
           _R.title, _R.abstract, _R.authors, _R.categories, _R.url, _R.links)
    .join_from(core.paper, core.revision, _R.id == _P.revision_id)
    .order_by(_P.id)
)  # fmt: skip


def _known(row: core.Record, names: list[PaperId], said: list[core.Record], signals: dict[str, float]) -> Known:
    said.sort(key=lambda one: (one.version or 0, one.seen_us, one.id))
    newest = {(one.source, one.external_id): one for one in said}
    return Known(
        key=row.key,
        id=PaperId(row.paper_id),
        aliases=tuple(names),
        archived=row.archived,
        first_seen=from_us(row.first_seen_us),
        published=from_us(row.published_us),
        text=Text(words_of(row), row.url, row.links),
        said=tuple(Said(one.source, bytes(one.digest), from_record(one)) for one in newest.values()),
        older=frozenset((one.source, bytes(one.digest)) for one in said if one not in newest.values()),
        signals=signals,
    )


def apply(session: Session, changes: Sequence[Change], plain: Mapping[str, str], now: datetime) -> None:
    """Write the decisions. `plain` holds every new text as words for people."""
    merging.absorb(session, {kept: change.absorbed for change in changes if (kept := change.key) and change.absorbed})
    _restate(session, [change for change in changes if change.restated])
    keys = _insert_new(session, changes)
    numbered = list(zip(keys, changes, strict=True))
    _insert(session, core.alias, [{"alias": name, "paper": key} for key, c in numbered for name in c.aliases])
    _insert(session, core.sighting, [_row(key, said, now) for key, c in numbered for said in c.said])
    _hold_again(session, [(key, said) for key, c in numbered for said in c.again], now)
    _revise(session, [(key, c.text) for key, c in numbered if c.text], plain, now)
    merging.keep_signals(session, {key: c.signals for key, c in numbered if c.signals}, now)


def _restate(session: Session, changes: Sequence[Change]) -> None:
    rows = [
        {
            "b_key": c.key,
            "b_id": c.id,
            "b_archived": c.archived,
            "b_first_seen": to_us(c.first_seen),
            "b_published": to_us(c.published),
        }
        for c in changes
    ]
    if rows:
        session.connection().execute(_RESTATE, rows)


_RESTATE = (
    update(core.paper)
    .where(_P.id == bindparam("b_key"))
    .values(
        paper_id=bindparam("b_id"),
        archived=bindparam("b_archived"),
        first_seen_us=bindparam("b_first_seen"),
        published_us=bindparam("b_published"),
    )
)


def _insert_new(session: Session, changes: Sequence[Change]) -> list[int]:
    """The row numbers of all changes, new papers inserted in their order."""
    rows = [
        {
            "paper_id": change.id,
            "revision_id": None,
            "published_us": to_us(change.published),
            "first_seen_us": to_us(change.first_seen),
            "archived": change.archived,
            "withdrawn": False,
        }
        for change in changes
        if change.key is None
    ]
    made = iter(_insert_numbered(session, core.paper, rows))
    return [next(made) if change.key is None else change.key for change in changes]


def _revise(session: Session, texts: Sequence[tuple[int, Text]], plain: Mapping[str, str], now: datetime) -> None:
    rows = [
        {
            "paper": key,
            "title": revised.words.title,
            "abstract": revised.words.abstract,
            "plain_title": plain[revised.words.title],
            "plain_abstract": plain[revised.words.abstract],
            "authors": list(revised.words.authors),
            "categories": list(revised.words.categories),
            "url": revised.url,
            "links": dict(revised.links),
            "made_us": to_us(now),
        }
        for key, revised in texts
    ]
    made = _insert_numbered(session, core.revision, rows)
    current = [{"b_key": key, "b_revision": number} for (key, _), number in zip(texts, made, strict=True)]
    if current:
        session.connection().execute(_CURRENT, current)


_CURRENT = update(core.paper).where(_P.id == bindparam("b_key")).values(revision_id=bindparam("b_revision"))


def _hold_again(session: Session, said: Sequence[tuple[int, Said]], now: datetime) -> None:
    rows = [{"b_key": key, "b_source": one.source, "b_digest": one.digest, "b_seen": to_us(now)} for key, one in said]
    if rows:
        session.connection().execute(_AGAIN, rows)


_AGAIN = (
    update(core.sighting)
    .where(_G.paper == bindparam("b_key"), _G.source == bindparam("b_source"), _G.digest == bindparam("b_digest"))
    .values(seen_us=bindparam("b_seen"))
)


def _insert(session: Session, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    if rows:
        session.connection().execute(insert(table), [*rows])


def _insert_numbered(session: Session, table: Table, rows: Sequence[Mapping[str, object]]) -> list[int]:
    if not rows:
        return []
    statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list(session.connection().execute(statement, [*rows]).scalars())


def _row(key: int, said: Said, now: datetime) -> dict[str, object]:
    sighting = said.sighting
    return {
        "paper": key,
        "source": said.source,
        "external_id": sighting.ids[0],
        "version": sighting.version,
        "announced": sighting.announced,
        "digest": said.digest,
        "record": record(sighting),
        "seen_us": to_us(now),
    }


def record(sighting: Sighting) -> dict[str, object]:
    """A sighting without its signals, as kept; what can be left out is."""
    words = sighting.words
    full: dict[str, object] = {
        "ids": list(sighting.ids),
        "title": words.title,
        "abstract": words.abstract,
        "authors": list(words.authors),
        "categories": list(words.categories),
        "published": sighting.published.isoformat() if sighting.published else None,
        "url": sighting.url,
        "links": dict(sighting.links),
    }
    return {name: value for name, value in full.items() if value}


def from_record(row: core.Record) -> Sighting:
    """The sighting a row keeps."""
    kept = row.record
    return Sighting(
        ids=tuple(map(PaperId, kept["ids"])),
        words=Words(
            kept["title"], kept.get("abstract", ""), tuple(kept.get("authors", ())), tuple(kept.get("categories", ()))
        ),
        published=datetime.fromisoformat(kept["published"]) if "published" in kept else None,
        version=row.version,
        announced=row.announced,
        url=kept.get("url"),
        links=kept.get("links", {}),
    )
