"""Which sources are not whole at the moment of planning: said in every digest planned with it."""

from datetime import datetime, timedelta

from sqlmodel import Session

from digestd.domain.coverage import CoverageState, missing
from digestd.sources import kind_of
from digestd.store import coverage

IN_USE = timedelta(days=3)
"""A source of which nothing was noted for longer is not asked any more."""
_WORST_LAST = list(CoverageState)


def not_whole(session: Session, now: datetime) -> dict[str, CoverageState]:
    """The sources that are not whole, by their names for people, each with the worst of its states.

    Several sources may share a name, as two sets of arXiv's categories do: while one of them is
    whole, that name is partial at worst, for its papers are in the digest.
    """
    today = now.date()
    rows = coverage.recent(session, today - IN_USE)
    lacking = missing(rows, today)
    whole = {_label(row.source) for row in rows if row.day <= today and row.source not in lacking}
    found: dict[str, CoverageState] = {}
    for source, state in lacking.items():
        label = _label(source)
        worse = CoverageState.PARTIAL if label in whole else state
        found[label] = max(worse, found.get(label, worse), key=_WORST_LAST.index)
    return dict(sorted(found.items()))


def _label(source: str) -> str:
    kind = kind_of(source)
    return kind.label if kind else source.partition(":")[0]
