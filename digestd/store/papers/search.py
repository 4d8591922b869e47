"""The texts of papers for a search by words: of given papers, or of all that may contain the words."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Text, cast, func, or_, select
from sqlmodel import Session

from digestd.store import core
from digestd.store.bulk import chunks, readable
from digestd.store.papers import MERGED

ARCHIVE_MAX = 100_000
"""The newest papers that a search of the archive reads: about .2 s on SQLite and 1 s on PostgreSQL."""
_BLOCK = 200
_P, _R = core.paper.c, core.revision.c
_TITLE, _ABSTRACT = func.coalesce(_R.plain_title, _R.title), func.coalesce(_R.plain_abstract, _R.abstract)
_TEXTS = select(
    _P.id, _P.revision_id, _TITLE.label("title"), _ABSTRACT.label("abstract"), _R.authors
).join_from(core.paper, core.revision, _R.id == _P.revision_id)  # fmt: skip


class SearchText(NamedTuple):
    """The words of a paper; `paper` and `revision` are row numbers."""

    paper: int
    revision: int
    title: str
    abstract: str
    authors: tuple[str, ...]


def texts_of(session: Session, papers: Iterable[int]) -> list[SearchText]:
    """Return the texts of these papers."""
    rows = (
        row for chunk in chunks(set(papers)) for row in session.connection().execute(_TEXTS.where(_P.id.in_(chunk)))
    )
    return list(readable(rows, _text))


def texts_with(session: Session, words: Sequence[str]) -> Iterator[SearchText]:
    """Yield the texts of public papers that may contain all words, newest first.

    The database ignores case in English letters only. Other letters are wildcards in words with English ones; words
    without are searched in several spellings.
    """
    newest = select(func.max(_P.id) - ARCHIVE_MAX).scalar_subquery()
    query = _TEXTS.where(_P.id > newest, *_PUBLIC, *(_contains(session, word) for word in words))
    rows = session.connection().execute(query.order_by(_P.id.desc()).execution_options(yield_per=_BLOCK))
    yield from readable(rows, _text)


def public_papers(session: Session, revisions: Iterable[int]) -> dict[int, int]:
    """Return the public paper of each current revision."""
    query = select(_P.revision_id, _P.id).where(_P.revision_id.in_(sorted(revisions)), *_PUBLIC)
    return {row.revision_id: row.id for row in session.connection().execute(query)}


_PUBLIC = (_P.withdrawn.is_(False), _P.paper_id.not_like(f"{MERGED}%"))


def _contains(session: Session, word: str) -> core.Condition:
    """Return the condition that a paper may contain a word, in small letters, capitals or with a capital."""
    columns = (_TITLE, _ABSTRACT, cast(_R.authors, Text))
    spellings = {word.lower(), word.capitalize(), word.upper()} if _is_foreign(word) else {word}
    patterns = [pair for one in sorted(spellings) for pair in zip(columns, _patterns(one), strict=True)]
    if session.connection().dialect.name == "sqlite":
        return or_(*(column.like(f"%{pattern}%", escape="\\") for column, pattern in patterns))
    # twice as fast as by the rules of a language
    return or_(*(column.collate("C").ilike(f"%{pattern}%", escape="\\") for column, pattern in patterns))


def _is_foreign(word: str) -> bool:
    return not any(letter.isascii() for letter in word)


def _patterns(word: str) -> tuple[str, str, str]:
    """Return the patterns of a word in title, abstract and authors, which are JSON: there, letters are escaped."""
    if _is_foreign(word):
        return word, word, "".join(_literal(json.dumps(letter)[1:-1]) for letter in word)
    plain = "".join(_literal(letter) if letter.isascii() else "_" for letter in word)
    return plain, plain, "".join(_literal(letter) if letter.isascii() else r"\\u____" for letter in word)


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _text(row: core.Record) -> SearchText:
    return SearchText(row.id, row.revision_id, row.title, row.abstract, tuple(map(str, row.authors)))
