"""The interests of subscribers.

Those they set, and those that follow from what they mute and rate.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete as _delete
from sqlalchemy import select
from sqlmodel import Session

from digestd.domain.interest import Interest, Kind, Stance, with_refusals
from digestd.errors import Damaged
from digestd.store import bulk, core, feedback, groups
from digestd.store.feedback import FEEDBACK_MAX
from digestd.store.timestamps import from_us, to_us

_I, _F, _P = core.interest.c, core.feedback.c, core.paper.c


def for_ranking(
    session: Session, subscribers: Sequence[int], changed: Mapping[int, tuple[Interest, ...]] = {}
) -> dict[int, tuple[Interest, ...]]:
    """Return what ranking uses: what subscribers said themselves, and the interests of their groups.

    Args:
        changed: what these subscribers say, instead of what is stored.

    Raises:
        Damaged: an interest cannot be read.
    """
    stored = of(session, [key for key in subscribers if key not in changed])
    found = _with_feedback(session, subscribers, {**stored, **changed})
    for key, shared in groups.interests(session, subscribers, changed).items():
        found[key] = (*found.get(key, ()), *(one.interest for one in shared))
    return found


def _with_feedback(
    session: Session, subscribers: Sequence[int], found: dict[int, tuple[Interest, ...]]
) -> dict[int, tuple[Interest, ...]]:
    for key, muted in feedback.active_mutings(session, subscribers).items():
        found[key] = (*found.get(key, ()), *muted)
    for key, rated in feedback.interests(session, subscribers).items():
        found[key] = with_rated(found.get(key, ()), rated)
    return found


def with_rated(own: tuple[Interest, ...], rated: Sequence[Interest]) -> tuple[Interest, ...]:
    """Return interests, and rated papers that none of them names."""
    named = {interest.value for interest in own if interest.kind is Kind.PAPER}
    return (*own, *(interest for interest in rated if interest.value not in named))


def of(session: Session, subscribers: Sequence[int]) -> dict[int, tuple[Interest, ...]]:
    """Return the interests of each subscriber in the order given; absent if they have none.

    Raises:
        Damaged: one cannot be read.
    """
    found, damaged = readable(session, subscribers)
    if damaged:
        raise Damaged(f"an interest of subscriber {min(damaged)} cannot be read; `digestd fsck` names all of them")
    return found


def readable(session: Session, subscribers: Sequence[int]) -> tuple[dict[int, tuple[Interest, ...]], dict[int, str]]:
    """Return the same without those that cannot be read, and one of these for each subscriber that has any."""
    found: dict[int, list[Interest]] = {}
    damaged: dict[int, str] = {}
    for subscriber, kind, value, stance, since_us in _STORED.rows(session, list(subscribers)):
        try:
            since = None if since_us is None else from_us(since_us)
            interest = Interest(_KINDS[kind], _text(value), _STANCES[stance], since)
        except (LookupError, ValueError, TypeError, OverflowError):
            damaged[subscriber] = f"{kind} {stance}"
        else:
            found.setdefault(subscriber, []).append(interest)
    return {key: with_refusals(interests, stored=True) for key, interests in found.items()}, damaged


_STORED = bulk.KeyLookup(
    select(_I.subscriber_id, _I.kind, _I.value, _I.stance, _I.since_us).order_by(_I.subscriber_id, _I.position),
    _I.subscriber_id,
)


def damaged(session: Session, subscribers: Sequence[int]) -> set[int]:
    """Return those of some subscribers who have an interest of no known kind or stance."""
    unknown = _I.kind.not_in(list(_KINDS)) | _I.stance.not_in(list(_STANCES))
    query = select(_I.subscriber_id).where(_I.subscriber_id.in_(subscribers), unknown)
    return set(session.connection().execute(query).scalars())


def delete(session: Session, readable_of: Sequence[int], every_of: Sequence[int]) -> None:
    """Delete the interests of subscribers; of the first only those that can be read."""
    can_be_read = _I.kind.in_(list(_KINDS)) & _I.stance.in_(list(_STANCES))
    session.connection().execute(_delete(core.interest).where(_I.subscriber_id.in_(every_of)))
    session.connection().execute(_delete(core.interest).where(_I.subscriber_id.in_(readable_of), can_be_read))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a value that is not text")
    return value


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
        muted = feedback.mutings_at(session, key, moment)
        found[key] = with_rated((*own, *muted), rated[key])
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

    def read(row: core.Record) -> tuple[int, Interest, bool]:
        at_us = to_us(moments[row.subscriber_id])
        return *feedback.rated(row), row.at_us <= at_us and (row.undone_us is None or row.undone_us > at_us)

    for key, interest, was_active in bulk.readable(session.connection().execute(query), read):
        theirs = found[key]
        if was_active and interest.value not in theirs and len(theirs) < FEEDBACK_MAX:
            theirs[interest.value] = interest
    return {key: list(theirs.values()) for key, theirs in found.items()}
