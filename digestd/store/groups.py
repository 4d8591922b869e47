"""Groups of subscribers: shared interests, members, and what the members share with each other."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlmodel import Session

from digestd.domain.group import LEAST_COLLEAGUES, Group, Membership, count_colleagues
from digestd.domain.interest import POSITIVE_VERDICTS, Interest, Kind, Stance, with_refusals
from digestd.domain.subscriber import Status
from digestd.store import core
from digestd.store.papers import former_keys, merged_into
from digestd.store.preferences import read_status
from digestd.store.ranking import profiles
from digestd.store.timestamps import from_us, to_us

_G, _I, _M = core.subscriber_group.c, core.group_interest.c, core.group_member.c
_S, _F, _O = core.subscriber.c, core.feedback.c, core.interest.c


class GroupCounts(NamedTuple):
    """A group with the number of its members, and of those who share."""

    group: Group
    members: int
    sharing: int


class Member(NamedTuple):
    """A member as the operator sees one."""

    address: str
    name: str
    status: Status
    membership: Membership


class SharedInterest(NamedTuple):
    """An interest that a subscriber has by a group."""

    interest: Interest
    group: str


def add(session: Session, name: str, interests: Sequence[Interest], now: datetime) -> int:
    """Store a group and return its number."""
    row = {"name": name, "created_us": to_us(now)}
    key = int(session.connection().execute(insert(core.subscriber_group).values(row).returning(_G.id)).scalar_one())
    _write_interests(session, Group(key, name), interests, now)
    return key


def find(session: Session, name: str) -> Group | None:
    """Return the group with a name, whatever its case; None if there is none."""
    rows = session.connection().execute(select(_G.id, _G.name)).all()
    row = next((row for row in rows if row.name.casefold() == name.casefold()), None)
    return None if row is None else _groups(session, {row.id: row.name})[row.id]


def by_key(session: Session, key: int) -> Group | None:
    name = session.connection().execute(select(_G.name).where(_G.id == key)).scalar()
    return None if name is None else _groups(session, {key: name})[key]


def listing(session: Session) -> list[GroupCounts]:
    """Return all groups by name."""
    names = {row.id: row.name for row in session.connection().execute(select(_G.id, _G.name).order_by(_G.name))}
    counts = select(_M.group_id, func.count(), func.count(_M.shared_us)).group_by(_M.group_id)
    found = {key: (members, sharing) for key, members, sharing in session.connection().execute(counts)}
    return [GroupCounts(group, *found.get(key, (0, 0))) for key, group in _groups(session, names).items()]


def change(session: Session, group: Group, name: str, interests: Sequence[Interest], now: datetime) -> None:
    session.connection().execute(update(core.subscriber_group).where(_G.id == group.key).values(name=name))
    _write_interests(session, group, interests, now)
    _invalidate(session, group.key)


def remove(session: Session, group: int) -> None:
    """Remove a group with its interests and memberships; the subscribers stay."""
    _invalidate(session, group)
    session.connection().execute(delete(core.group_interest).where(_I.group_id == group))
    session.connection().execute(delete(core.group_member).where(_M.group_id == group))
    session.connection().execute(delete(core.subscriber_group).where(_G.id == group))


def members(session: Session, group: Group) -> list[Member]:
    """Return the members of a group by address, list addresses first."""
    query = (
        select(core.group_member, _S.address, _S.name, _S.status)
        .join_from(core.group_member, core.subscriber, _S.id == _M.subscriber_id)
        .where(_M.group_id == group.key)
        .order_by(_M.is_list.desc(), _S.address)
    )
    rows = session.connection().execute(query)
    return [
        Member(
            row.address or "",
            row.name if isinstance(row.name, str) else "",
            read_status(row.status),
            _membership(group, row),
        )
        for row in rows
    ]


def of_subscriber(session: Session, subscriber: int) -> list[Membership]:
    """Return the memberships of a subscriber by the name of the group."""
    rows = session.connection().execute(_MEMBERSHIPS, {"member": subscriber}).all()
    found = _groups(session, {row.group_id: row.name for row in rows})
    return [_membership(found[row.group_id], row) for row in rows]


_MEMBERSHIPS = (
    select(core.group_member, _G.name)
    .join_from(core.group_member, core.subscriber_group, _G.id == _M.group_id)
    .where(_M.subscriber_id == bindparam("member"))
    .order_by(_G.name)
)


def join(session: Session, group: int, subscriber: int, now: datetime, *, is_list: bool = False) -> bool:
    """Make a subscriber a member who shares nothing; return False if they are one already."""
    known = select(_M.group_id).where(_M.group_id == group, _M.subscriber_id == subscriber)
    if session.connection().execute(known).first() is not None:
        return False
    row = {
        "subscriber_id": subscriber,
        "group_id": group,
        "is_list": is_list,
        "joined_us": to_us(now),
        "shared_us": None,
        "is_named": False,
    }
    session.connection().execute(insert(core.group_member).values(row))
    profiles.invalidate_profiles(session, [subscriber])
    return True


def leave(session: Session, group: int, subscriber: int) -> bool:
    """End a membership; return False if there was none."""
    theirs = delete(core.group_member).where(_M.group_id == group, _M.subscriber_id == subscriber)
    profiles.invalidate_profiles(session, [subscriber])
    return session.connection().execute(theirs).rowcount > 0


def share(session: Session, group: int, subscriber: int, now: datetime, *, shares: bool) -> bool:
    """Set whether a member shares; return False for others and for a list address.

    The time of an agreement that stands is kept.
    """
    theirs = _M.group_id == group, _M.subscriber_id == subscriber, ~_M.is_list
    since = func.coalesce(_M.shared_us, to_us(now)) if shares else None
    return session.connection().execute(update(core.group_member).where(*theirs).values(shared_us=since)).rowcount > 0


def forget(session: Session, subscriber: int) -> None:
    session.connection().execute(delete(core.group_member).where(_M.subscriber_id == subscriber))


def interests(
    session: Session, subscribers: Sequence[int], changed: Mapping[int, Sequence[Interest]] = {}
) -> dict[int, tuple[SharedInterest, ...]]:
    """Return the interests that subscribers have by their groups, each once; absent if they have none.

    What a subscriber says about the same thing counts instead. `since` is when both the interest and the membership
    stood.

    Args:
        changed: What these subscribers say, instead of what is stored.
    """
    if not (shared := _followed(session, subscribers)):
        return {}
    own = {**_own(session, list(shared)), **{key: {_thing(one) for one in theirs} for key, theirs in changed.items()}}
    return {key: kept for key, each in shared.items() if (kept := _first_of_each(each, own[key]))}


def _followed(session: Session, subscribers: Sequence[int]) -> dict[int, list[SharedInterest]]:
    """Return what the groups of members follow."""
    query = (
        select(_M.subscriber_id, _M.joined_us, _G.name, _I.kind, _I.value, _I.stance, _I.since_us)
        .join_from(core.group_member, core.group_interest, _I.group_id == _M.group_id)
        .join(core.subscriber_group, _G.id == _M.group_id)
        .where(_M.subscriber_id.in_(subscribers))
        .order_by(_M.subscriber_id, _G.name, _I.position)
    )
    typed: dict[tuple[int, str], list[Interest]] = defaultdict(list)
    for row in session.connection().execute(query):
        since = from_us(max(row.joined_us, row.since_us))
        typed[row.subscriber_id, row.name].append(Interest(Kind(row.kind), row.value, Stance(row.stance), since))
    found: dict[int, list[SharedInterest]] = defaultdict(list)
    for (key, name), theirs in typed.items():
        found[key] += [SharedInterest(interest, name) for interest in with_refusals(theirs, stored=True)]
    return found


def _own(session: Session, subscribers: Sequence[int]) -> dict[int, set[tuple[str, str]]]:
    """Return kind and value of what each subscriber likes or mutes; an empty set for those without interests."""
    query = select(_O.subscriber_id, _O.kind, _O.value).where(_O.subscriber_id.in_(subscribers))
    found: dict[int, set[tuple[str, str]]] = {key: set() for key in subscribers}
    for row in session.connection().execute(query):
        found[row.subscriber_id].add((row.kind, row.value.casefold()))
    return found


def _first_of_each(shared: Sequence[SharedInterest], own: set[tuple[str, str]]) -> tuple[SharedInterest, ...]:
    first: dict[tuple[str, str], SharedInterest] = {}
    for one in shared:
        if (thing := _thing(one.interest)) not in own:
            first.setdefault(thing, one)
    return tuple(first.values())


def _thing(interest: Interest) -> tuple[str, str]:
    return interest.kind.value, interest.value.casefold()


class ShownPapers(NamedTuple):
    """The papers (row numbers) of one digest, its reader, and the time as of which it speaks."""

    digest: int
    reader: int
    papers: Sequence[int]
    at: datetime


def colleagues(session: Session, shown: Sequence[ShownPapers]) -> dict[int, dict[int, int]]:
    """Return how many colleagues each digest may say liked or saved its papers, by digest and paper.

    Only members count who are active and agreed to share before the time given, with the newest verdict that stood
    when that day (UTC) began: what colleagues do counts once a day, for everybody at once, so two digests do not reveal
    who did it. Members who left are not counted whatever the time.
    """
    circles = _circles(session, sorted({one.reader for one in shown}))
    if not circles:
        return {}
    wanted = {paper for one in shown if one.reader in circles for paper in one.papers}
    known = wanted.union(*former_keys(session, wanted).values())
    current = {key: key for key in known} | merged_into(session, known)
    events = _events(session, circles.values(), _F.paper.in_(sorted(known)))
    found: dict[int, dict[int, int]] = {}
    for one in shown:
        if (circle := circles.get(one.reader)) is not None:
            liked = _liked_by(events, current, one.at)
            counts = {paper: circle.count(one.reader, liked.get(current[paper], set()), one.at) for paper in one.papers}
            found[one.digest] = {paper: count for paper, count in counts.items() if count}
    return found


def recommended(session: Session, readers: Sequence[int], since: datetime, at: datetime) -> dict[int, set[int]]:
    """Return the papers that a digest may say several colleagues liked or saved since a time, by reader."""
    circles = _circles(session, readers)
    if not circles:
        return {}
    events = _events(session, circles.values(), _F.at_us >= to_us(since))
    known = {event.paper for event in events}
    liked = _liked_by(events, {key: key for key in known} | merged_into(session, known), at)
    return {
        reader: {paper for paper, by in liked.items() if circle.count(reader, by, at) >= LEAST_COLLEAGUES}
        for reader, circle in circles.items()
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Circle:
    """The active members of the groups that some readers are in; the readers are among them.

    Attributes:
        sharing: Those who share in any of the groups, and since when (µs).
    """

    groups: tuple[int, ...]
    members: Set[int]
    sharing: Mapping[int, int]

    @classmethod
    def of(cls, groups: tuple[int, ...], members: Mapping[int, Mapping[int, int | None]]) -> "_Circle":
        """Return the circle of some groups, given when the members of each agreed to share."""
        sharing: dict[int, int] = {}
        for who, since in ((who, since) for group in groups for who, since in members[group].items()):
            if since is not None:
                sharing[who] = min(since, sharing.get(who, since))
        return cls(groups, set().union(*(members[group] for group in groups)), sharing)

    def count(self, reader: int, liked: Set[int], at: datetime) -> int:
        """Return how many colleagues a reader may be told liked a paper, given all who liked it."""
        likers = [who for who in liked & self.sharing.keys() if who != reader and self.sharing[who] <= to_us(at)]
        return count_colleagues(len(likers), len(self.members) - (reader in self.members)) if likers else 0


def _circles(session: Session, readers: Sequence[int]) -> dict[int, _Circle]:
    """Return the circle of each reader in whose groups anybody shares; a list address has none, and is in none."""
    query = select(_M.subscriber_id, _M.group_id).where(_M.subscriber_id.in_(readers), ~_M.is_list)
    groups_of: dict[int, list[int]] = defaultdict(list)
    for reader, group in session.connection().execute(query.order_by(_M.subscriber_id, _M.group_id)):
        groups_of[reader].append(group)
    if not groups_of:
        return {}
    everyone = (
        select(_M.group_id, _M.subscriber_id, _M.shared_us)
        .join_from(core.group_member, core.subscriber, (_S.id == _M.subscriber_id) & (_S.status == Status.ACTIVE))
        .where(_M.group_id.in_(sorted({group for each in groups_of.values() for group in each})), ~_M.is_list)
    )
    members: dict[int, dict[int, int | None]] = defaultdict(dict)
    for group, who, shared_us in session.connection().execute(everyone):
        members[group][who] = shared_us
    circles = {each: _Circle.of(each, members) for each in {tuple(each) for each in groups_of.values()}}
    return {reader: circle for reader, each in groups_of.items() if (circle := circles[tuple(each)]).sharing}


def _events(session: Session, circles: Iterable[_Circle], which: core.Condition) -> list[core.Record]:
    """Return the verdicts of those who share that meet a condition, oldest first."""
    involved = sorted({group for circle in circles for group in circle.groups})
    people = select(_M.subscriber_id).where(_M.group_id.in_(involved), _M.shared_us.is_not(None), ~_M.is_list)
    query = (
        select(_F.subscriber_id, _F.paper, _F.verdict, _F.at_us, _F.undone_us)
        .where(_F.subscriber_id.in_(people), which)
        .order_by(_F.id)
    )
    return list(session.connection().execute(query))


def _liked_by(events: Sequence[core.Record], current: Mapping[int, int], at: datetime) -> dict[int, set[int]]:
    """Return who likes each paper by the newest verdict that stood when the day of a time began."""
    at_us = to_us(at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0))
    newest: dict[tuple[int, int], str] = {}
    for who, paper, verdict, given_us, undone_us in events:
        if given_us <= at_us and (undone_us is None or undone_us > at_us):
            newest[current[paper], who] = verdict
    found: dict[int, set[int]] = defaultdict(set)
    for (paper, who), verdict in newest.items():
        if verdict in POSITIVE_VERDICTS:
            found[paper].add(who)
    return found


def _groups(session: Session, names: Mapping[int, str]) -> dict[int, Group]:
    """Return the groups with these numbers and names, with their interests."""
    if not names:
        return {}
    query = select(core.group_interest).where(_I.group_id.in_(list(names))).order_by(_I.group_id, _I.position)
    found: dict[int, list[Interest]] = {key: [] for key in names}
    for row in session.connection().execute(query):
        found[row.group_id].append(Interest(Kind(row.kind), row.value, Stance(row.stance), from_us(row.since_us)))
    return {key: Group(key, names[key], with_refusals(theirs, stored=True)) for key, theirs in found.items()}


def _write_interests(session: Session, group: Group, wanted: Sequence[Interest], now: datetime) -> None:
    """Store the interests of a group; those it had keep their time."""
    since = {one: one.since for one in group.interests}
    session.connection().execute(delete(core.group_interest).where(_I.group_id == group.key))
    rows = [
        {
            "group_id": group.key,
            "kind": one.kind,
            "value": one.value,
            "stance": one.stance,
            "position": position,
            "since_us": to_us(since.get(one) or now),
        }
        for position, one in enumerate(wanted)
    ]
    core.execute_many(session, insert(core.group_interest), rows)


def _invalidate(session: Session, group: int) -> None:
    query = select(_M.subscriber_id).where(_M.group_id == group)
    profiles.invalidate_profiles(session, session.connection().execute(query).scalars().all())


def _membership(group: Group, row: core.Record) -> Membership:
    return Membership(
        group,
        row.subscriber_id,
        joined=from_us(row.joined_us),
        is_list=row.is_list,
        shared_since=None if row.shared_us is None else from_us(row.shared_us),
    )
