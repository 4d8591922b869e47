"""What ranking knew of subscribers at a moment in the past."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from digestd.domain.feedback import Verdict, as_interest
from digestd.domain.interest import Interest, Kind
from digestd.domain.paper import PaperId
from digestd.store import core, mutings
from digestd.store.due import interests_of
from digestd.store.feedback import FEEDBACK_MAX
from digestd.store.timestamps import from_us, to_us

_F, _P = core.feedback.c, core.paper.c


def wants_at(session: Session, moments: Mapping[int, datetime]) -> dict[int, tuple[Interest, ...]]:
    """Return the interests each subscriber was ranked by at a moment.

    The interests are those of now without what was added since, as far as that is known: what was taken
    back is not kept.
    """
    now, said = interests_of(session, list(moments)), _said(session, moments)
    found = {}
    for key, moment in moments.items():
        own = tuple(i for i in now.get(key, ()) if i.since is None or i.since <= moment)
        named = {interest.value for interest in own if interest.kind is Kind.PAPER}
        muted = mutings.active_at(session, key, moment)
        found[key] = (*own, *muted, *(interest for interest in said[key] if interest.value not in named))
    return found


def _said(session: Session, moments: Mapping[int, datetime]) -> dict[int, list[Interest]]:
    """Return the verdicts active at each moment, newest first, one per paper."""
    found: dict[int, dict[str, Interest]] = {key: {} for key in moments}
    last = to_us(max(moments.values()))
    query = (
        select(_F.subscriber_id, _F.verdict, _F.at_us, _F.undone_us, _P.paper_id)
        .join_from(core.feedback, core.paper, _P.id == _F.paper)
        .where(_F.subscriber_id.in_(list(moments)), _F.at_us <= last)
        .order_by(_F.id.desc())
    )
    for row in session.connection().execute(query):
        at_us, theirs = to_us(moments[row.subscriber_id]), found[row.subscriber_id]
        stood = row.at_us <= at_us and (row.undone_us is None or row.undone_us > at_us)
        if stood and row.paper_id not in theirs and len(theirs) < FEEDBACK_MAX:
            theirs[row.paper_id] = as_interest(PaperId(row.paper_id), Verdict(row.verdict), from_us(row.at_us))
    return {key: list(theirs.values()) for key, theirs in found.items()}
