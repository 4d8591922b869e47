"""Papers that were ever one: whoever has had one of them has had them all.

A merging that was undone counts too: who had the merged paper has seen the words of both.
"""

from collections.abc import Iterable

from sqlalchemy import select
from sqlmodel import Session

from digestd.store import core
from digestd.store.chunks import chunks

_M = core.merge.c


def families(session: Session, keys: Iterable[int]) -> dict[int, frozenset[int]]:
    """Return, for each paper that was ever merged, all papers it was ever one with."""
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
    asked: set[int] = set()
    while fresh := keys - asked:
        asked |= fresh
        for column in (_M.kept, _M.absorbed):
            for chunk in chunks(fresh):
                rows = session.connection().execute(select(_M.kept, _M.absorbed).where(column.in_(chunk)))
                found |= {(row.kept, row.absorbed) for row in rows}
        keys = {key for edge in found for key in edge}
    return found
