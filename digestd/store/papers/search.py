"""The words of papers for a search, and the index of them: SQLite's FTS5, or an index of PostgreSQL."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Text, bindparam, cast, func, select, text, update
from sqlalchemy.sql.elements import TextClause
from sqlmodel import Session

from digestd.store import core
from digestd.store.bulk import chunks
from digestd.store.database import Database
from digestd.store.papers import MERGED
from digestd.text.tokens import stored_words

_P, _R = core.paper.c, core.revision.c


class SearchText(NamedTuple):
    """The words of a paper, as `text.tokens.search_words` makes them; `paper` and `revision` are row numbers."""

    paper: int
    revision: int
    words: str


def texts_of(session: Session, papers: Iterable[int]) -> list[SearchText]:
    """Return the words of these papers."""
    query = select(_P.id, _P.revision_id, func.coalesce(_R.words, "")).join_from(
        core.paper, core.revision, _R.id == _P.revision_id
    )
    found = (session.connection().execute(query.where(_P.id.in_(chunk))) for chunk in chunks(set(papers)))
    return [SearchText(*row) for rows in found for row in rows]


def texts_with(session: Session, terms: Sequence[str], limit: int) -> list[SearchText]:
    """Return the words of the newest public papers that have all terms; one with * is the beginning of a word."""
    if session.connection().dialect.name == "sqlite":
        wanted = " AND ".join(f'"{term.removesuffix("*")}"{"*" * term.endswith("*")}' for term in terms)
        return _found(session, _SQLITE, wanted, limit)
    wanted = " & ".join(f"'{term.removesuffix('*')}'{':*' * term.endswith('*')}" for term in terms)
    newest = session.connection().execute(_BY_INDEX).scalar_one()
    found: list[SearchText] = []
    for blocks in _NEWEST:
        within = " | ".join(f"'#{block}'" for block in range(newest // _IN_BLOCK, newest // _IN_BLOCK - blocks, -1))
        found = _found(session, _POSTGRESQL, f"{wanted} & ({within})" if within else wanted, limit)
        if len(found) >= limit:
            break
    session.connection().execute(_AS_BEFORE)
    return found


def _found(session: Session, query: TextClause, terms: str, limit: int) -> list[SearchText]:
    values = {"terms": terms, "limit": limit, "merged": f"{MERGED}%"}
    return [SearchText(*row) for row in session.connection().execute(query, values)]


_SQLITE = text(
    "SELECT p.id, r.id, r.words FROM revision_words CROSS JOIN revision r ON r.id = revision_words.rowid "
    "CROSS JOIN paper p ON p.id = r.paper WHERE revision_words MATCH :terms AND p.revision_id = r.id "
    "AND NOT p.withdrawn AND p.paper_id NOT LIKE :merged ORDER BY revision_words.rowid DESC LIMIT :limit"
)
_POSTGRESQL = text(
    "WITH r AS MATERIALIZED (SELECT id, paper, words FROM revision WHERE "
    "array_to_tsvector(array_remove(string_to_array(words || ' #' || CAST(id >> 10 AS text), ' '), '')) "
    "@@ CAST(:terms AS tsquery)) "
    "SELECT p.id, r.id, r.words FROM r JOIN paper p ON p.id = r.paper WHERE p.revision_id = r.id "
    "AND NOT p.withdrawn AND p.paper_id NOT LIKE :merged ORDER BY r.id DESC LIMIT :limit"
)
_BY_INDEX = text("SELECT coalesce(max(id), 0), set_config('enable_seqscan', 'off', true) FROM revision")
_AS_BEFORE = text("SELECT set_config('enable_seqscan', 'on', true)")
"""PostgreSQL takes the index for as dear as making the words of each row again, which takes seconds."""
_IN_BLOCK = 1 << 10
_NEWEST = 2, 12, 0
"""Blocks of revisions that are searched until enough are found, because PostgreSQL reads all that it finds; 0: all."""


def public_papers(session: Session, revisions: Iterable[int]) -> dict[int, int]:
    """Return the public paper of each current revision."""
    query = select(_P.revision_id, _P.id).where(_P.revision_id.in_(sorted(revisions)), *_PUBLIC)
    return {row.revision_id: row.id for row in session.connection().execute(query)}


_PUBLIC = (_P.withdrawn.is_(False), _P.paper_id.not_like(f"{MERGED}%"))


def index_missing(db: Database) -> None:
    """Index the texts that a process of a release before the index has stored."""
    texts = func.coalesce(_R.plain_title, _R.title), func.coalesce(_R.plain_abstract, _R.abstract)
    query = select(_R.id, *texts, cast(_R.authors, Text)).where(_R.words.is_(None)).order_by(_R.id).limit(_BLOCK)
    is_done = False
    while not is_done:
        with db.write() as session:
            rows = session.connection().execute(query).all()
            core.execute_many(session, _INDEX, [{"b_id": key, "b_words": stored_words(*of)} for key, *of in rows])
        is_done = len(rows) < _BLOCK


_BLOCK = 500
_INDEX = update(core.revision).where(_R.id == bindparam("b_id")).values(words=bindparam("b_words"))
