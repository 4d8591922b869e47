"""Pairs of papers that an operator has split; only an operator merges them again."""

from collections.abc import Iterable
from datetime import datetime
from itertools import product

from sqlalchemy import and_, delete, insert, or_, select
from sqlmodel import Session

from digestd.store import core
from digestd.store.bulk import chunks
from digestd.store.timestamps import to_us

_X = core.do_not_merge.c


def pairs_of(session: Session, keys: Iterable[int]) -> frozenset[tuple[int, int]]:
    """Return the pairs that any of these papers belongs to, lower row number first."""
    return frozenset(
        (row.one, row.other)
        for chunk in chunks(set(keys))
        for row in session.connection().execute(
            select(_X.one, _X.other).where(or_(_X.one.in_(chunk), _X.other.in_(chunk)))
        )
    )


def add(session: Session, pairs: Iterable[tuple[int, int]], now: datetime) -> None:
    """Add pairs that must not be merged; existing pairs stay."""
    wanted = {(min(pair), max(pair)) for pair in pairs}
    known = pairs_of(session, {key for pair in wanted for key in pair})
    rows = [{"one": one, "other": other, "at_us": to_us(now)} for one, other in sorted(wanted - known)]
    core.execute_many(session, insert(core.do_not_merge), rows)


def inherit(session: Session, kept: int, absorbed: int, now: datetime) -> None:
    """Give the kept paper the do-not-merge pairs of the absorbed one."""
    others = {one if other == absorbed else other for one, other in pairs_of(session, [absorbed])}
    add(session, [(kept, other) for other in others - {kept}], now)


def remove(session: Session, some: Iterable[int], others: Iterable[int]) -> None:
    """Remove all pairs between two groups of papers, because an operator merges them."""
    for pair in product(some, others):
        session.connection().execute(delete(core.do_not_merge).where(and_(_X.one == min(pair), _X.other == max(pair))))
