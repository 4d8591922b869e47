"""The interests of subscribers.

Those they set, and those that follow from what they mute and rate.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete as _delete
from sqlalchemy import select
from sqlmodel import Session

from digestd.domain.interest import Interest, Kind, Stance, with_refusals
from digestd.errors import Damaged
from digestd.store import bulk, core, feedback, groups
from digestd.store.timestamps import from_us

_I = core.interest.c


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
    return {key: with_refusals(interests) for key, interests in found.items()}, damaged


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
