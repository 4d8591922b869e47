"""Find the incomplete sources at the time of planning, as shown in the digest."""

from datetime import datetime, timedelta

from sqlmodel import Session

from digestd.domain.coverage import CoverageState, incomplete_states
from digestd.sources import source_type
from digestd.store import coverage

IN_USE = timedelta(days=3)
"""A source without any record for longer is no longer in use."""
_WORST_LAST = list(CoverageState)


def incomplete_sources(session: Session, now: datetime) -> dict[str, CoverageState]:
    """Return the incomplete sources by label, each with the worst of its states.

    Several sources may share a label, such as two sets of arXiv categories. If one of them is complete, the label is
    partial at worst, because its papers are in the digest.
    """
    today = now.date()
    rows = coverage.recent(session, today - IN_USE)
    incomplete = incomplete_states(rows, today)
    complete = {_label(row.source) for row in rows if row.day <= today and row.source not in incomplete}
    found: dict[str, CoverageState] = {}
    for source, state in incomplete.items():
        label = _label(source)
        state_shown = CoverageState.PARTIAL if label in complete else state
        found[label] = max(state_shown, found.get(label, state_shown), key=_WORST_LAST.index)
    return dict(sorted(found.items()))


def _label(source: str) -> str:
    kind = source_type(source)
    return kind.label if kind else source.partition(":")[0]
