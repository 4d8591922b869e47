"""Papers that share a similarity key.

Candidates for being one work under two names.

Rows of a merged paper keep its row number; lookups return the paper it was merged into.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlmodel import Session

from digestd.store import core
from digestd.store.bulk import chunks, insert_plain
from digestd.store.papers import merged_into

_L = core.similarity_key.c


def add(session: Session, keys: Mapping[int, Iterable[int]]) -> None:
    """Store the keys (values) of papers (row numbers), only those that are new."""
    # In the order of the index: at random, every row would touch another page of it.
    ordered = sorted((key, paper) for paper, held in keys.items() for key in held)
    rows = [{"key": key, "paper": paper} for key, paper in ordered]
    insert_plain(session, core.similarity_key, rows)


def of_papers(session: Session, papers: Iterable[int]) -> dict[int, set[int]]:
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
