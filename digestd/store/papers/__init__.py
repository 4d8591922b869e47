"""Papers: find, list, and load them with their latest signals.

Never one query per paper.

A merged paper keeps its row, archived, because old digests refer to it. It is found under the paper it was merged
into, which has the alias `merged:<number>`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, func, select
from sqlmodel import Session

from digestd.domain.digest import WINDOW
from digestd.domain.gist import Gist, GistKind
from digestd.domain.paper import Paper, PaperFacts, PaperId, Words, trending_order, votes
from digestd.store import core
from digestd.store.bulk import KeyLookup, chunks
from digestd.store.timestamps import from_us, to_us
from digestd.text.tex import to_plain

MERGED = "merged:"

_P, _R, _A, _S, _G = core.paper.c, core.revision.c, core.paper_alias.c, core.signal.c, core.merge.c
_COLUMNS = (_P.id.label("key"), _P.paper_id, _P.published_us, _P.first_seen_us, _P.archived, _P.withdrawn,
            _R.id.label("revision"), _R.title, _R.abstract, _R.plain_title, _R.plain_abstract,
            _R.authors, _R.categories, _R.url, _R.links, _R.facts, _R.gist, _R.brief_gist, _R.gist_kind,
            _R.translations)  # fmt: skip
_CURRENT = select(*_COLUMNS).join_from(core.paper, core.revision, _R.id == _P.revision_id)
_AS_OF = select(*_COLUMNS).join_from(core.revision, core.paper, _P.id == _R.paper)

_SHOWN = (_P.archived.is_(False), _P.withdrawn.is_(False), _P.revision_id.is_not(None))
"""Condition for papers that are news and can be shown."""


def find(session: Session, paper: PaperId) -> Paper | None:
    return by_ids(session, [paper]).get(paper)


def by_ids(session: Session, ids: Iterable[PaperId]) -> dict[PaperId, Paper]:
    keys = aliases(session, ids)
    papers = _by_own_key(session, set(keys.values()))
    return {name: papers[key] for name, key in keys.items()}


def by_keys(session: Session, keys: Iterable[int], as_of: datetime | None = None) -> dict[int, Paper]:
    """Return papers by row number; a merged one gives the paper it is now."""
    wanted = set(keys)
    now_known_as = merged_into(session, wanted)
    papers = _by_own_key(session, {now_known_as.get(key, key) for key in wanted}, as_of)
    return {key: papers[now] for key in wanted if (now := now_known_as.get(key, key)) in papers}


def aliases(session: Session, ids: Iterable[PaperId]) -> dict[PaperId, int]:
    """Return the row numbers of the papers known under these identifiers."""
    return {PaperId(alias): paper for chunk in chunks(set(ids)) for alias, paper in _ALIASES.rows(session, chunk)}


_ALIASES = KeyLookup(select(_A.alias, _A.paper), _A.alias)


def public_names(session: Session, ids: Iterable[PaperId]) -> dict[PaperId, PaperId]:
    """Return the name of the paper known under each of these identifiers. Unknown ones are absent."""
    query = select(_A.alias, _P.paper_id).join_from(core.paper_alias, core.paper, _P.id == _A.paper)
    return {
        PaperId(row.alias): PaperId(row.paper_id)
        for chunk in chunks(set(ids))
        for row in session.connection().execute(query.where(_A.alias.in_(chunk)))
    }


def names_of(session: Session, keys: Iterable[int]) -> dict[int, PaperId]:
    query = select(_P.id, _P.paper_id).where(_P.id.in_(sorted(keys)))
    return {row.id: row.paper_id for row in session.connection().execute(query)}


def names_since(session: Session, since: datetime) -> Iterator[tuple[int, PaperId]]:
    """Yield the row number with each identifier of the papers first seen since a time."""
    query = select(_A.paper, _A.alias).join(core.paper, _P.id == _A.paper).where(_P.first_seen_us >= to_us(since))
    for row in session.connection().execute(query):
        yield row.paper, row.alias


def names(session: Session, key: int) -> list[PaperId]:
    query = select(_A.alias).where(_A.paper == key, _A.alias.not_like(f"{MERGED}%")).order_by(_A.alias)
    return [PaperId(name) for name in session.connection().execute(query).scalars()]


def merged_into(session: Session, keys: Iterable[int]) -> dict[int, int]:
    """Return merged row number → the row number it was merged into."""
    found = aliases(session, (PaperId(f"{MERGED}{key}") for key in keys))
    return {int(name.removeprefix(MERGED)): key for name, key in found.items()}


def former_keys(session: Session, keys: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Return other row numbers that these papers are or were merged with.

    Who has had a paper under one of them has had it: before a merging, and after one was undone.
    """
    return {key: tuple(sorted(members - {key})) for key, members in merge_groups(session, list(keys)).items()}


def merge_groups(session: Session, keys: Iterable[int]) -> dict[int, frozenset[int]]:
    """Return, for each paper that was ever merged, all papers it was ever one with.

    Undone merges count too: whoever got the merged paper has seen the text of both.
    """
    edges = _edges(session, set(keys))
    family = {key: {key} for edge in edges for key in edge}
    for one, other in edges:
        if family[one] is not family[other]:
            family[one] |= family[other]
            for member in family[one]:
                family[member] = family[one]
    return {key: frozenset(family[key]) for key in keys if key in family}


def _edges(session: Session, keys: set[int]) -> set[tuple[int, int]]:
    """Return the merges of these papers, and of those they lead to."""
    found: set[tuple[int, int]] = set()
    searched: set[int] = set()
    while fresh := keys - searched:
        searched |= fresh
        for column in (_G.kept, _G.absorbed):
            for chunk in chunks(fresh):
                rows = session.connection().execute(select(_G.kept, _G.absorbed).where(column.in_(chunk)))
                found |= {(row.kept, row.absorbed) for row in rows}
        keys = {key for edge in found for key in edge}
    return found


def listing(session: Session, limit: int, since: datetime | None = None) -> list[Paper]:
    """Return the newest papers, archived ones too, from `since` on."""
    query = _CURRENT.where(_P.revision_id.is_not(None))
    if since is not None:
        query = query.where(_P.first_seen_us >= to_us(since))
    return _papers(session, query.order_by(_P.first_seen_us.desc(), _P.id.desc()).limit(limit))


def page_before(session: Session, limit: int, before: int | None = None, since: datetime | None = None) -> list[Paper]:
    """Return papers by descending row number, below `before` and from `since` on."""
    query = _CURRENT.where(_P.revision_id.is_not(None), _P.paper_id.not_like(f"{MERGED}%"))
    if before is not None:
        query = query.where(_P.id < before)
    if since is not None:
        query = query.where(_P.first_seen_us >= to_us(since))
    return _papers(session, query.order_by(_P.id.desc()).limit(limit))


def candidates(session: Session, since: datetime, until: datetime, as_of: datetime | None = None) -> list[Paper]:
    """Return the papers that became news after `since`, up to `until`, oldest first.

    `as_of`: with the signals of that time instead of the latest.
    """
    return _papers(session, _CURRENT.where(_news(since, until)).order_by(_P.first_seen_us, _P.id), as_of)


def newest_news(session: Session, since: datetime, now: datetime) -> tuple[int, int]:
    """Return the highest row number among the candidates first seen after `since`, and the last such time until `now`.

    The time is in µs; both are 0 without such papers.
    """
    seen_us = case((_P.first_seen_us <= to_us(now), _P.first_seen_us), else_=0)
    query = select(func.max(_P.id), func.max(seen_us)).where(_news(since, now + WINDOW), _P.revision_id.is_not(None))
    key, at_us = session.connection().execute(query).one()
    return key or 0, at_us or 0


def revisions(session: Session, keys: Iterable[int], as_of: datetime | None = None) -> dict[int, Paper]:
    """Return papers with their words as of these revisions, to compose frozen digests.

    Signals are not stored per revision. `as_of`: with those of that time; without it they are left out.
    """
    rows = [row for chunk in chunks(set(keys)) for row in session.connection().execute(_AS_OF.where(_R.id.in_(chunk)))]
    signals = {} if as_of is None else latest_signals(session, [row.key for row in rows], as_of)
    return {row.revision: paper for row in rows if (paper := _readable(row, signals.get(row.key, {})))}


def newest(session: Session) -> int | None:
    key: int | None = session.connection().execute(_NEWEST).scalar()
    return key


_NEWEST = select(_P.id).order_by(_P.first_seen_us.desc(), _P.id.desc()).limit(1)


def texts(session: Session, limit: int) -> Iterator[str]:
    """Yield title and abstract of the newest papers, to fit a text model."""
    query = (
        select(
            func.coalesce(_R.plain_title, _R.title).label("title"),
            func.coalesce(_R.plain_abstract, _R.abstract).label("abstract"),
        )
        .join_from(core.paper, core.revision, _R.id == _P.revision_id)
        .order_by(_P.first_seen_us.desc(), _P.id.desc())
        .limit(limit)
    )
    result = session.connection().execution_options(yield_per=1_000).execute(query)
    for row in result:
        yield f"{row.title}. {row.abstract}"


def trending(session: Session, since: datetime, limit: int, until: datetime | None = None) -> list[Paper]:
    """Return the news from `since` to before `until` by `trending_order`.

    Papers without signals follow each other by time, so that only the newest of them count.
    """
    query = select(_P.id, _P.first_seen_us).where(_P.first_seen_us >= to_us(since), *_SHOWN)
    if until is not None:
        query = query.where(_P.first_seen_us < to_us(until))
    newest = query.order_by(_P.first_seen_us.desc(), _P.id.desc()).limit(limit)
    noticed = query.where(select(_S.paper).where(_S.paper == _P.id).exists())
    seen = {row.id: row.first_seen_us for found in (newest, noticed) for row in session.connection().execute(found)}
    signals = latest_signals(session, seen)
    best = sorted(seen, key=lambda key: trending_order(signals.get(key, {}), seen[key], key), reverse=True)[:limit]
    papers = _by_own_key(session, best)
    return [papers[key] for key in best]


def any_votes(session: Session, since: datetime) -> bool:
    """Return True if a paper that was news since then has upvotes."""
    voted = select(_S.paper).where(_S.paper == _P.id, _S.name == "upvotes", _S.value > 0).exists()
    query = select(_P.id).where(_P.first_seen_us >= to_us(since), *_SHOWN, voted).limit(1)
    return session.connection().execute(query).first() is not None


def news_beside(session: Session, start: datetime, end: datetime) -> tuple[datetime | None, datetime | None]:
    """Return when a paper was news last before `start` and first from `end` on."""
    before = select(func.max(_P.first_seen_us)).where(_P.first_seen_us < to_us(start), *_SHOWN)
    after = select(func.min(_P.first_seen_us)).where(_P.first_seen_us >= to_us(end), *_SHOWN)
    found = (session.connection().execute(query).scalar() for query in (before, after))
    last, first = (None if us is None else from_us(us) for us in found)
    return last, first


def archive_votes(session: Session, before: datetime, limit: int) -> list[float]:
    """Return the votes of the newest papers first seen up to `before`."""
    query = select(_P.id).where(_P.first_seen_us <= to_us(before), _P.revision_id.is_not(None))
    keys = list(session.connection().execute(query.order_by(_P.first_seen_us.desc()).limit(limit)).scalars())
    signals = latest_signals(session, keys)
    return [votes(signals.get(key, {})) for key in keys]


def count(session: Session) -> int:
    """Return the number of papers; merged ones count once."""
    merged = select(func.count()).select_from(core.paper_alias).where(_A.alias.startswith(MERGED)).scalar_subquery()
    return int(session.connection().execute(select(func.count(_P.id) - merged)).scalar_one())


def latest_signals(session: Session, keys: Iterable[int], as_of: datetime | None = None) -> dict[int, dict[str, float]]:
    """Return the newest value of each signal, now or as of a time."""
    found: dict[int, dict[str, float]] = {}
    for chunk in chunks(set(keys)):
        if as_of is None:
            rows: Iterable[core.Record] = _SIGNALS.rows(session, chunk)
        else:
            then = _newest_signals(_OTHER.at_us <= to_us(as_of)).where(_S.paper.in_(chunk))
            rows = session.connection().execute(then)
        for paper, name, value in rows:
            found.setdefault(paper, {})[name] = value
    return found


def _newest_signals(*conditions: ColumnElement[bool]) -> core.Query:
    same = _OTHER.paper == _S.paper, _OTHER.name == _S.name
    newest = select(func.max(_OTHER.at_us)).where(*same, *conditions).scalar_subquery()
    return select(_S.paper, _S.name, _S.value).where(_S.at_us == newest)


_OTHER = core.signal.alias().c
_SIGNALS = KeyLookup(_newest_signals(), _S.paper)


def _news(since: datetime, until: datetime) -> ColumnElement[bool]:
    inside = and_(_P.first_seen_us > to_us(since), _P.first_seen_us <= to_us(until))
    return and_(inside, _P.archived.is_(False), _P.withdrawn.is_(False))


def _by_own_key(session: Session, keys: Iterable[int], as_of: datetime | None = None) -> dict[int, Paper]:
    return {
        paper.key: paper for chunk in chunks(set(keys)) for paper in _papers(session, _BY_KEYS, as_of, {"keys": chunk})
    }


_BY_KEYS = _CURRENT.where(_P.id.in_(bindparam("keys", expanding=True)))


def _papers(
    session: Session, query: core.Query, as_of: datetime | None = None, values: Mapping[str, object] | None = None
) -> list[Paper]:
    rows = session.connection().execute(query, values).all()
    signals = latest_signals(session, [row.key for row in rows], as_of)
    return [paper for row in rows if (paper := _readable(row, signals.get(row.key, {})))]


def _readable(row: core.Record, signals: dict[str, float]) -> Paper | None:
    """Return a paper; None if its row is damaged, which must not stop the others."""
    try:
        return _paper(row, signals)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        import structlog  # noqa: PLC0415  # most commands log nothing

        structlog.get_logger(__name__).error(
            "a paper is damaged and left out", paper=row.key, kind=type(error).__name__
        )
        return None


def translated(stored: Mapping[str, Sequence[str]]) -> dict[str, Gist]:
    return {language: Gist(text, brief, GistKind.TRANSLATED) for language, (text, brief) in stored.items()}


def _paper(row: core.Record, signals: dict[str, float]) -> Paper:
    return Paper(
        key=row.key,
        id=PaperId(row.paper_id),
        revision=row.revision,
        words=words_of(row),
        plain_title=to_plain(row.title) if row.plain_title is None else row.plain_title,
        plain_abstract=row.abstract if row.plain_abstract is None else row.plain_abstract,
        published=from_us(row.published_us),
        first_seen=from_us(row.first_seen_us),
        url=row.url,
        links=row.links,
        signals=signals,
        archived=row.archived,
        withdrawn=row.withdrawn,
        facts=facts_of(row),
        gist=Gist(row.gist, row.brief_gist, GistKind(row.gist_kind)) if row.gist_kind else None,
        translations=translated(row.translations),
    )


def facts_of(row: core.Record) -> PaperFacts:
    """Return the facts of a revision, without those that are damaged."""
    found = {name: tuple(map(str, value)) if isinstance(value, list) else value for name, value in row.facts.items()}
    facts: dict[str, Any] = {name: value for name, value in found.items() if type(value) is _FACT_TYPES.get(name)}
    return PaperFacts(**facts)


_FACT_TYPES = {field.name: type(field.default) for field in fields(PaperFacts)}


def facts_record(facts: PaperFacts) -> dict[str, object]:
    """Return facts as stored: those that have their default are left out."""
    return {
        field.name: list(value) if isinstance(value, tuple) else value
        for field in fields(facts)
        if (value := getattr(facts, field.name)) != field.default
    }


def words_of(row: core.Record) -> Words:
    return Words(row.title, row.abstract, tuple(row.authors), tuple(row.categories))
