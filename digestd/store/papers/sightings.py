"""Sightings, and the papers and revisions made from them: the writing side of `papers`.

`known` returns the state of the papers that a page names, ingest decides, and `apply` writes the decisions in bulk.
Revisions are only ever appended, also for a gist that a language model writes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, insert, literal, select, text, update
from sqlmodel import Session

from digestd.domain.gist import Gist, GistKind
from digestd.domain.paper import PaperFacts, PaperId, Sighting, Words
from digestd.domain.sighting_record import from_record, to_record
from digestd.store import core, papers
from digestd.store.bulk import chunks, insert_plain, reserve
from digestd.store.papers import aliases, facts_of, facts_record, latest_signals, merges, words_of
from digestd.store.timestamps import from_us, to_us
from digestd.text.tokens import search_words

_P, _A, _R, _G = core.paper.c, core.paper_alias.c, core.revision.c, core.sighting.c
_ADVISORY_LOCK = 0x6469676573746402
"""'digest' in ASCII: on PostgreSQL only one writer merges papers at a time, as on SQLite anyway."""


_NOT_IN_RECORD = frozenset({"version", "announced", "day", "signals"})
"""Fields with their own column or table, and the day, which only decides whether a sighting is news."""


class TextKey(NamedTuple):
    """What the text for readers is made from."""

    title: str
    abstract: str
    summary: str


@dataclass(frozen=True, slots=True)
class PaperText:
    """The text of a revision. `summary`: a source's own."""

    words: Words
    url: str | None
    links: Mapping[str, str]
    facts: PaperFacts = PaperFacts()  # noqa: RUF009  # immutable
    summary: str = ""

    @property
    def key(self) -> TextKey:
        return TextKey(self.words.title, self.words.abstract, self.summary)


@dataclass(frozen=True, slots=True)
class ReadableText:
    """The text of a revision for readers: without TeX, and its gist."""

    title: str
    abstract: str
    gist: Gist | None = None


@dataclass(frozen=True, slots=True)
class StoredSighting:
    """A sighting of a paper by one source under one identifier, `sighting.ids[0]`.

    Attributes:
        digest: Hash of the sighting.
        seen: When it was last reported; None if just now.
        record: The sighting in the form to be stored, if it is computed already.
    """

    source: str
    digest: bytes
    sighting: Sighting
    seen: datetime | None = None
    record: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class PaperStatus:
    """What a paper is called, and whether and since when it is news."""

    id: PaperId
    archived: bool
    first_seen: datetime
    published: datetime
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class PaperState:
    """One stored paper.

    Attributes:
        is_plain: Whether its text is stored without TeX as well.
        sightings: The newest of each source and identifier.
        older: All other sightings.
    """

    key: int
    status: PaperStatus
    aliases: tuple[PaperId, ...]
    is_plain: bool
    text: PaperText
    sightings: tuple[StoredSighting, ...]
    older: tuple[StoredSighting, ...]
    signals: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PaperWrite:
    """The changes to write for one paper: a new one (`key` is None) or a known one.

    Attributes:
        is_changed: Whether the status of a known paper is another than before.
        absorbed: Papers to merge into this one; `by` and `evidence` say why.
        revised: The text of the new revision; None if the text is unchanged.
        becomes_plain: The unchanged text, if it must now be stored without TeX as well.
        repeated: Stored sightings that were reported again.
        is_pickable: Whether a digest may have it: as news, or in the programme of the conference that lists it.
    """

    key: int | None
    status: PaperStatus
    is_changed: bool = False
    absorbed: tuple[int, ...] = ()
    new_aliases: tuple[PaperId, ...] = ()
    revised: PaperText | None = None
    becomes_plain: PaperText | None = None
    new_sightings: tuple[StoredSighting, ...] = ()
    repeated: tuple[StoredSighting, ...] = ()
    new_signals: Mapping[str, float] | None = None
    by: str = "identifier"
    evidence: str = ""
    is_pickable: bool = False


def record(sighting: Sighting) -> dict[str, Any]:
    """Return the record of a sighting as stored in the column `record`."""
    return {name: value for name, value in to_record(sighting).items() if name not in _NOT_IN_RECORD}


def lock(session: Session) -> None:
    """Let one writer at a time gather, decide and apply."""
    if session.connection().dialect.name == "postgresql":
        session.connection().execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})


def known(session: Session, ids: Iterable[PaperId]) -> list[PaperState]:
    return by_number(session, aliases(session, ids).values())


def by_number(session: Session, numbers: Iterable[int]) -> list[PaperState]:
    """Return the papers of these row numbers in order; none may be merged."""
    keys = sorted(set(numbers))
    names: dict[int, list[PaperId]] = {}
    sightings: dict[int, list[core.Record]] = {}
    rows: list[core.Record] = []
    connection = session.connection()
    for chunk in chunks(keys):
        rows += connection.execute(_PAPERS.where(_P.id.in_(chunk))).all()
        for row in connection.execute(select(_A.alias, _A.paper).where(_A.paper.in_(chunk)).order_by(_A.alias)):
            names.setdefault(row.paper, []).append(PaperId(row.alias))
        for row in connection.execute(select(core.sighting).where(_G.paper.in_(chunk))):
            sightings.setdefault(row.paper, []).append(row)
    signals = latest_signals(session, keys)
    return [_paper_state(row, names[row.key], sightings.get(row.key, []), signals.get(row.key, {})) for row in rows]


_PAPERS = (
    select(_P.id.label("key"), _P.paper_id, _P.archived, _P.first_seen_us, _P.published_us, _P.withdrawn,
           _R.plain_title.is_not(None).label("is_plain"),
           _R.title, _R.abstract, _R.authors, _R.categories, _R.url, _R.links, _R.facts, _R.summary)
    .join_from(core.paper, core.revision, _R.id == _P.revision_id)
    .order_by(_P.id)
)  # fmt: skip


def _paper_state(
    row: core.Record, names: list[PaperId], rows: list[core.Record], signals: dict[str, float]
) -> PaperState:
    rows.sort(key=lambda one: (one.version or 0, one.seen_us, one.id))
    newest = {(one.source, one.external_id): one for one in rows}
    return PaperState(
        key=row.key,
        status=PaperStatus(
            PaperId(row.paper_id), row.archived, from_us(row.first_seen_us), from_us(row.published_us), row.withdrawn
        ),
        aliases=tuple(names),
        is_plain=row.is_plain,
        text=PaperText(words_of(row), row.url, row.links, facts_of(row), row.summary),
        sightings=tuple(map(_stored_sighting, newest.values())),
        older=tuple(_stored_sighting(one) for one in rows if newest[(one.source, one.external_id)] is not one),
        signals=signals,
    )


def _stored_sighting(row: core.Record) -> StoredSighting:
    return StoredSighting(row.source, bytes(row.digest), _sighting(row), from_us(row.seen_us))


def _sighting(row: core.Record) -> Sighting:
    return from_record({**row.record, "version": row.version, "announced": row.announced})


def apply(
    session: Session, changes: Sequence[PaperWrite], readable: Mapping[TextKey, ReadableText], now: datetime
) -> list[int]:
    """Write the decisions and return the row number of each."""
    for change in changes:
        for other in change.absorbed:
            merges.merge(session, change.key or 0, other, (change.by, change.evidence), now)
    _update_papers(session, [change for change in changes if change.is_changed])
    revisions = dict(zip(
        (place for place, change in enumerate(changes) if change.revised),
        reserve(session, core.revision, sum(change.revised is not None for change in changes)),
        strict=True,
    ))  # fmt: skip
    keys = _insert_new(session, changes, revisions)
    numbered = list(zip(keys, changes, strict=True))
    insert_plain(
        session, core.paper_alias, [{"alias": name, "paper": key} for key, c in numbered for name in c.new_aliases]
    )
    core.execute_many(
        session,
        insert(core.sighting),
        [_row(key, one, now) for key, c in numbered for one in c.new_sightings],
    )
    _update_seen(session, [(key, sighting) for key, c in numbered for sighting in c.repeated], now)
    _revise(session, [(number, *numbered[place]) for place, number in revisions.items()], readable, now)
    _make_plain(session, [(key, c.becomes_plain) for key, c in numbered if c.becomes_plain], readable)
    merges.add_signals(session, {key: c.new_signals for key, c in numbered if c.new_signals}, now)
    return keys


def _update_papers(session: Session, changes: Sequence[PaperWrite]) -> None:
    rows = [
        {
            "b_key": c.key,
            "b_id": c.status.id,
            "b_archived": c.status.archived,
            "b_first_seen": to_us(c.status.first_seen),
            "b_published": to_us(c.status.published),
            "b_withdrawn": c.status.withdrawn,
        }
        for c in changes
    ]
    core.execute_many(session, _RESTATE, rows)


_RESTATE = (
    update(core.paper)
    .where(_P.id == bindparam("b_key"))
    .values(
        paper_id=bindparam("b_id"),
        archived=bindparam("b_archived"),
        first_seen_us=bindparam("b_first_seen"),
        published_us=bindparam("b_published"),
        withdrawn=bindparam("b_withdrawn"),
    )
)


def _insert_new(session: Session, changes: Sequence[PaperWrite], revisions: Mapping[int, int]) -> list[int]:
    """Insert new papers and return the row numbers of all changes in order."""
    made = iter(reserve(session, core.paper, sum(change.key is None for change in changes)))
    keys = [next(made) if change.key is None else change.key for change in changes]
    rows = [
        {
            "id": keys[place],
            "paper_id": change.status.id,
            "revision_id": revisions.get(place),
            "published_us": to_us(change.status.published),
            "first_seen_us": to_us(change.status.first_seen),
            "archived": change.status.archived,
            "withdrawn": change.status.withdrawn,
        }
        for place, change in enumerate(changes)
        if change.key is None
    ]
    insert_plain(session, core.paper, rows)
    return keys


def _revise(
    session: Session,
    numbered: Sequence[tuple[int, int, PaperWrite]],
    readable: Mapping[TextKey, ReadableText],
    now: datetime,
) -> None:
    """Append revisions. The text of archived papers stays in TeX until a digest may have the paper."""
    rows = [_revision(number, key, change, readable) | {"made_us": to_us(now)} for number, key, change in numbered]
    core.execute_many(session, insert(core.revision), rows)
    current = [{"b_key": key, "b_revision": number} for number, key, change in numbered if change.key is not None]
    core.execute_many(session, _CURRENT, current)


def _revision(number: int, key: int, change: PaperWrite, readable: Mapping[TextKey, ReadableText]) -> dict[str, object]:
    revised = change.revised
    if revised is None:
        raise ValueError("a change without text has no revision")
    return {
        "id": number,
        "paper": key,
        "title": revised.words.title,
        "abstract": revised.words.abstract,
        **_readable_columns(revised.words, readable[revised.key] if change.is_pickable else None),
        "authors": list(revised.words.authors),
        "categories": list(revised.words.categories),
        "url": revised.url,
        "links": dict(revised.links),
        "facts": facts_record(revised.facts),
        "summary": revised.summary,
        "translations": {},
    }


def _readable_columns(words: Words, text: ReadableText | None) -> dict[str, str | None]:
    gist = text.gist if text else None
    title, abstract = (text.title, text.abstract) if text else (words.title, words.abstract)
    return {
        "words": search_words(title, abstract, words.authors),
        "plain_title": text.title if text else None,
        "plain_abstract": text.abstract if text else None,
        "gist": gist.text if gist else None,
        "brief_gist": gist.brief if gist else None,
        "gist_kind": gist.kind.value if gist else None,
    }


_CURRENT = update(core.paper).where(_P.id == bindparam("b_key")).values(revision_id=bindparam("b_revision"))


def _make_plain(
    session: Session, texts: Sequence[tuple[int, PaperText]], readable: Mapping[TextKey, ReadableText]
) -> None:
    rows = [
        {
            "b_key": key,
            **{f"b_{name}": value for name, value in _readable_columns(text.words, readable[text.key]).items()},
        }
        for key, text in texts
    ]
    core.execute_many(session, _PLAIN, rows)


_PLAIN = (
    update(core.revision)
    .where(_R.id == select(_P.revision_id).where(_P.id == bindparam("b_key")).scalar_subquery())
    .values({name: bindparam(f"b_{name}") for name in _readable_columns(Words("", "", (), ()), None)})
)


def _update_seen(session: Session, repeated: Sequence[tuple[int, StoredSighting]], now: datetime) -> None:
    rows = [
        {"b_key": key, "b_source": one.source, "b_digest": one.digest, "b_seen": to_us(now)} for key, one in repeated
    ]
    core.execute_many(session, _UPDATE_SEEN, rows)


_UPDATE_SEEN = (
    update(core.sighting)
    .where(_G.paper == bindparam("b_key"), _G.source == bindparam("b_source"), _G.digest == bindparam("b_digest"))
    .values(seen_us=bindparam("b_seen"))
)


def _row(key: int, stored: StoredSighting, now: datetime) -> dict[str, object]:
    sighting = stored.sighting
    return {
        "paper": key,
        "source": stored.source,
        "external_id": sighting.ids[0],
        "version": sighting.version,
        "announced": sighting.announced,
        "digest": stored.digest,
        "record": stored.record or record(sighting),
        "seen_us": to_us(now),
    }


_T = core.gist_attempt.c


@dataclass(frozen=True, slots=True)
class UnwrittenGist:
    """A paper whose text no language model has been asked about, with its gist so far."""

    paper: int
    paper_id: str
    revision: int
    title: str
    abstract: str
    gist: Gist


def newest_unwritten(session: Session, since: datetime) -> UnwrittenGist | None:
    """Return the newest paper first seen since then that was not tried yet; None if there is none."""
    query = (
        select(_P.id.label("paper"), _P.paper_id, _R.id, _R.plain_title, _R.plain_abstract)
        .add_columns(_R.gist, _R.brief_gist, _R.gist_kind)
        .join_from(core.paper, core.revision, _R.id == _P.revision_id)
        .outerjoin(core.gist_attempt, _T.revision == _R.id)
        .where(_P.archived.is_(False), _P.first_seen_us > to_us(since), _T.revision.is_(None))
        .where(_R.gist_kind.in_([GistKind.EXTRACTED, GistKind.SOURCE]), _R.plain_abstract != "")
        .order_by(_P.first_seen_us.desc(), _P.id.desc())
        .limit(1)
    )
    row = session.connection().execute(query).first()
    if row is None:
        return None
    gist = Gist(row.gist, row.brief_gist, GistKind(row.gist_kind))
    return UnwrittenGist(row.paper, row.paper_id, row.id, row.plain_title, row.plain_abstract, gist)


def earlier_result(session: Session, paper: UnwrittenGist) -> tuple[Gist | None, dict[str, Gist]] | None:
    """Return what was written for the same text in an earlier revision, as when a link was added since.

    Returns:
        The gist, None if it was not written, and its translations; None if there is no such revision.
    """
    current = select(_R.title, _R.abstract, _R.summary).where(_R.id == paper.revision).subquery().c
    query = (
        select(_R.gist, _R.brief_gist, _R.gist_kind, _R.translations)
        .where(_R.paper == paper.paper, _R.id < paper.revision)
        .where(_R.title == current.title, _R.abstract == current.abstract, _R.summary == current.summary)
        .order_by(_R.id.desc())
    )
    for row in session.connection().execute(query):
        is_written = row.gist_kind == GistKind.GENERATED
        if is_written or row.translations:
            gist = Gist(row.gist, row.brief_gist, GistKind.GENERATED) if is_written else None
            return gist, papers.translated(row.translations)
    return None


def count_attempts(session: Session, since: datetime) -> int:
    query = select(func.count()).where(_T.at_us > to_us(since), _T.outcome.not_in(_NOT_ASKED))
    return int(session.connection().execute(query).scalar_one())


RESULT, EARLIER = "result", "earlier"
"""Outcomes without a request: a revision that the model wrote, and one whose text it was asked about before."""
_NOT_ASKED = (RESULT, EARLIER)


def record_attempt(session: Session, revision: int, outcome: str, now: datetime) -> None:
    session.connection().execute(insert(core.gist_attempt).values(revision=revision, at_us=to_us(now), outcome=outcome))


def append_revision(
    session: Session, paper: UnwrittenGist, gist: Gist | None, translations: Mapping[str, Gist], now: datetime
) -> bool:
    """Append a copy of a revision with another gist, or with translations, and make it current.

    What was computed from the text is copied with it. The new revision counts as tried.

    Returns:
        False if the paper's text has changed meanwhile; nothing is written then.
    """
    connection = session.connection()
    lock(session)
    [number] = reserve(session, core.revision, 1)
    shown = gist or paper.gist
    changed = {
        "id": number,
        "gist": shown.text,
        "brief_gist": shown.brief,
        "gist_kind": shown.kind.value,
        "made_us": to_us(now),
    }
    columns = [column for column in core.revision.c if column.name not in {*changed, "translations"}]
    values = [literal(value).label(name) for name, value in changed.items()]
    texts = {language: [one.text, one.brief] for language, one in translations.items()}
    source = select(*columns, *values, literal(texts, _R.translations.type).label("translations"))
    names = [*(column.name for column in columns), *changed, "translations"]
    is_current = _P.id == paper.paper, _P.revision_id == paper.revision
    if connection.execute(select(_P.id).where(*is_current).with_for_update()).first() is None:
        return False
    connection.execute(insert(core.revision).from_select(names, source.where(_R.id == paper.revision)))
    connection.execute(update(core.paper).where(*is_current).values(revision_id=number))
    for table in (core.embedding, core.encoding):
        kept = [column for column in table.c if column.name != "revision"]
        copy = select(literal(number).label("revision"), *kept).where(table.c.revision == paper.revision)
        connection.execute(insert(table).from_select(["revision", *(column.name for column in kept)], copy))
    record_attempt(session, number, RESULT, now)
    return True
