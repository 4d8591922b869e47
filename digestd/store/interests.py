"""The interests of subscribers.

Those they set, and those that follow from what they mute and rate.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from digestd.domain.feedback import Verdict, as_interest
from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.paper import PaperId
from digestd.store import core, feedback, groups, mutings
from digestd.store.feedback import FEEDBACK_MAX
from digestd.store.timestamps import from_us, to_us

_I, _F, _P = core.interest.c, core.feedback.c, core.paper.c


def for_ranking(session: Session, subscribers: Sequence[int]) -> dict[int, tuple[Interest, ...]]:
    """Return what ranking uses: what subscribers said themselves, and the interests of their groups."""
    found = stated(session, subscribers)
    for key, shared in groups.interests(session, subscribers).items():
        found[key] = (*found.get(key, ()), *(one.interest for one in shared))
    return found


def stated(session: Session, subscribers: Sequence[int]) -> dict[int, tuple[Interest, ...]]:
    """Return interests, mutings, and rated papers that no interest names."""
    found = of(session, subscribers)
    for key, muted in mutings.active(session, subscribers).items():
        found[key] = (*found.get(key, ()), *muted)
    for key, rated in feedback.interests(session, subscribers).items():
        own = found.get(key, ())
        named = {interest.value for interest in own if interest.kind is Kind.PAPER}
        found[key] = (*own, *(interest for interest in rated if interest.value not in named))
    return found


def of(session: Session, subscribers: Sequence[int]) -> dict[int, tuple[Interest, ...]]:
    """Return the interests of subscribers in the order given.

    Absent if they have none.
    """
    query = (
        select(_I.subscriber_id, _I.kind, _I.value, _I.stance, _I.since_us)
        .where(_I.subscriber_id.in_(subscribers))
        .order_by(_I.subscriber_id, _I.position)
    )
    found: dict[int, list[Interest]] = {}
    for subscriber, kind, value, stance, since_us in session.connection().execute(query):
        since = None if since_us is None else from_us(since_us)
        found.setdefault(subscriber, []).append(Interest(_KINDS[kind], value, _STANCES[stance], since))
    return {key: tuple(interests) for key, interests in found.items()}


_KINDS = {str(kind): kind for kind in Kind}
_STANCES = {str(stance): stance for stance in Stance}


def for_ranking_at(session: Session, moments: Mapping[int, datetime]) -> dict[int, tuple[Interest, ...]]:
    """Return the interests each subscriber was ranked by at a moment.

    These are the current interests without those added since. Interests removed since are not stored, so they are
    missing.
    """
    now, rated = of(session, list(moments)), _rated_at(session, moments)
    shared = groups.interests(session, list(moments))
    found = {}
    for key, moment in moments.items():
        every = (*now.get(key, ()), *(one.interest for one in shared.get(key, ())))
        own = tuple(i for i in every if i.since is None or i.since <= moment)
        named = {interest.value for interest in own if interest.kind is Kind.PAPER}
        muted = mutings.active_at(session, key, moment)
        found[key] = (*own, *muted, *(interest for interest in rated[key] if interest.value not in named))
    return found


def _rated_at(session: Session, moments: Mapping[int, datetime]) -> dict[int, list[Interest]]:
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
        was_active = row.at_us <= at_us and (row.undone_us is None or row.undone_us > at_us)
        if was_active and row.paper_id not in theirs and len(theirs) < FEEDBACK_MAX:
            theirs[row.paper_id] = as_interest(PaperId(row.paper_id), Verdict(row.verdict), from_us(row.at_us))
    return {key: list(theirs.values()) for key, theirs in found.items()}
