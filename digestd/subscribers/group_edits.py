"""Change groups and memberships, as the operator and the members do."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from digestd.domain.group import Group
from digestd.domain.interest import Interest, Kind, Stance, values
from digestd.domain.subscriber import Status, Subscriber
from digestd.errors import BadInput, NotFound
from digestd.security.keys import Keys
from digestd.store import groups
from digestd.store.database import Database
from digestd.subscribers.lookup import find, load_locked
from digestd.subscribers.subscriber_record import MUTABLE, check_interests, text

NAME_MAX = 100
MEMBERS_MAX = 500
"""The most members of a group: planning and composing read all members of the groups of their subscribers."""
Slots = Mapping[tuple[Kind, Stance], Sequence[str] | None]
"""The values of each kind and stance; None means that they do not change."""


def find_group(session: Session, name: str | int) -> Group:
    """Return the group with a name or number. Raises NotFound."""
    if isinstance(name, int):
        numbered = groups.by_key(session, name)
        if numbered is None:
            raise NotFound(f"there is no group number {name}")
        return numbered
    found = groups.find(session, " ".join(name.split()))
    if found is None:
        names = ", ".join(one.group.name for one in groups.listing(session)) or "none"
        raise NotFound(f"there is no group {name.strip()[:80]!r}; known: {names}")
    return found


def group_fields(group: Group) -> dict[str, object]:
    """Return name and interests of a group in the form of a subscriber's: lists by name, `mute` with such lists."""
    liked, muted = (
        {name: list(values(group.interests, kind, stance)) for name, kind in MUTABLE.items()} for stance in Stance
    )
    return {"name": group.name, **liked, "mute": muted}


def add(db: Database, name: str, given: Slots, now: datetime) -> str:
    """Add a group and return its name.

    Raises:
        BadInput: the name is empty or taken, or an interest is not valid.
    """
    checked, interests = _name(name), _interests((), given)
    with db.write() as session:
        if groups.find(session, checked) is not None:
            raise BadInput(f"there is a group {checked!r} already; change it with `digestd group edit`")
        groups.add(session, checked, interests, now)
    return checked


def edit(db: Database, group: str | int, name: str | None, given: Slots, now: datetime) -> str:
    """Change a group and return its name.

    Raises:
        NotFound: there is no such group.
        BadInput: the new name is empty or taken, or an interest is not valid.
    """
    with db.write() as session:
        known = find_group(session, group)
        checked = known.name if name is None else _name(name)
        taken = groups.find(session, checked)
        if taken is not None and taken.key != known.key:
            raise BadInput(f"there is a group {checked!r} already; choose another name")
        groups.change(session, known, checked, _interests(known.interests, given), now)
    return checked


def join(
    db: Database, keys: Keys, group: str | int, member: str | int, now: datetime, *, is_list: bool = False
) -> bool:
    """Make a subscriber a member; return False if they are one.

    Args:
        group: its name or number.
        member: their address or number.
        is_list: they are the group's list address.

    Raises:
        NotFound: there is no such group or subscriber.
        BadInput: a list address would become a member, or a member a list address. Its readers would be told of likes
            that were shared with members only. Or the group is full.
    """
    with db.write() as session:
        known, subscriber = find_group(session, group), _subscriber(session, keys, member).key
        other = next((one for one in groups.of_subscriber(session, subscriber) if one.is_list is not is_list), None)
        if other is not None:
            roles = ("a list address", "a member") if other.is_list else ("a member", "a list address")
            which = f"{roles[0]} of {other.group.name!r}, so they cannot be {roles[1]}"
            raise BadInput(f"they are {which}; use another address")
        if len(groups.members(session, known)) >= MEMBERS_MAX:
            raise BadInput(
                f"{known.name!r} has {MEMBERS_MAX} members, the most that a group may have; add another group"
            )
        return groups.join(session, known.key, subscriber, now, is_list=is_list)


def leave(db: Database, keys: Keys, group: str | int, member: str | int) -> bool:
    """End a membership; return False if there is none. See `join` for the arguments. Raises NotFound."""
    with db.write() as session:
        return groups.leave(session, find_group(session, group).key, _subscriber(session, keys, member).key)


def remove(db: Database, group: str | int) -> None:
    """Remove a group by name or number; its members stay subscribers. Raises NotFound."""
    with db.write() as session:
        groups.remove(session, find_group(session, group).key)


def share(db: Database, subscriber: int, group: int, now: datetime, *, shares: bool) -> None:
    """Set whether a member shares with a group what they like. Raises NotFound for others and for a list address."""
    with db.write() as session:
        _check_member(session, subscriber, group)
        if not groups.share(session, group, subscriber, now, shares=shares):
            raise NotFound("a list address shares nothing")


def leave_own(db: Database, subscriber: int, group: int) -> None:
    """End a subscriber's membership in a group (row number). Raises NotFound."""
    with db.write() as session:
        _check_member(session, subscriber, group)
        groups.leave(session, group, subscriber)


def _subscriber(session: Session, keys: Keys, member: str | int) -> Subscriber:
    """Return the subscriber with an address or number, locked. Raises NotFound."""
    if isinstance(member, str):
        return find(session, keys, member, lock=True)
    known = load_locked(session, member)
    if known.status is Status.ERASED:
        raise NotFound(f"subscriber number {member} was erased")
    return known


def _check_member(session: Session, subscriber: int, group: int) -> None:
    if group not in {one.group.key for one in groups.of_subscriber(session, subscriber)}:
        raise NotFound("they are not a member of this group")


def _name(name: str) -> str:
    checked = text("name", name, NAME_MAX)
    if not checked:
        raise BadInput("the name of a group must not be empty")
    return checked


def _interests(known: Sequence[Interest], given: Slots) -> tuple[Interest, ...]:
    slots = [(kind, stance) for stance in Stance for kind in MUTABLE.values()]
    wanted = {slot: values(known, *slot) if given.get(slot) is None else given[slot] or () for slot in slots}
    return check_interests(wanted)
