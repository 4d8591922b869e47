"""List, add, change and remove groups, and their members.

Everything needs a token with `read`, and changes `write` as well, because what a group shows its members is about
others. No route sets what a member shares: only they do, on their settings page.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from digestd.domain.interest import Stance
from digestd.domain.subscriber import Status
from digestd.security.tokens import Scope
from digestd.store import groups
from digestd.store.database import Database
from digestd.store.groups import Member
from digestd.subscribers import group_edits
from digestd.subscribers.group_edits import NAME_MAX, find_group, group_fields
from digestd.subscribers.subscriber_record import MUTABLE
from digestd.web.api.auth import needs
from digestd.web.api.shapes import InterestChanges, Mutes, Number, WordLists
from digestd.web.api.subscribers import ACCEPTED
from digestd.web.dependencies import Db, Now, SigningKeys

router = APIRouter(prefix="/groups", tags=["groups"])
_READS = Depends(needs(Scope.READ))
_WRITES = [_READS, Depends(needs(Scope.WRITE))]


class GroupChanges(InterestChanges):
    """Name and interests of a group. What is not sent stays unchanged."""

    name: Annotated[str | None, Field(max_length=NAME_MAX)] = None


class GroupIn(GroupChanges):
    """A group to add."""

    name: Annotated[str, Field(max_length=NAME_MAX)]


class MemberIn(BaseModel):
    """A member to add. `list`: it is the address of the group's mailing list."""

    model_config = ConfigDict(extra="forbid")
    list: bool = False


class GroupSummaryOut(BaseModel):
    """A group, how many members it has, and how many of them share what they like."""

    number: int
    name: str
    members: int
    sharing: int


class MemberOut(BaseModel):
    """A member, by number of the subscriber. `shares` is what they agreed to."""

    subscriber: int
    email: str
    status: Status
    list: bool
    shares: bool


class GroupOut(WordLists):
    """A group with its interests and members."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)
    number: int
    name: str
    mute: Mutes
    members: list[MemberOut]


@router.get("", dependencies=[_READS])
def list_groups(db: Db) -> list[GroupSummaryOut]:
    """List groups by name."""
    with db.read() as session:
        found = groups.listing(session)
    return [
        GroupSummaryOut(number=one.group.key, name=one.group.name, members=one.members, sharing=one.sharing)
        for one in found
    ]


@router.get("/{number}", dependencies=[_READS])
def show_group(number: Number, db: Db) -> GroupOut:
    """Return a group."""
    return _shown(db, number)


@router.post("", status_code=201, dependencies=_WRITES, responses=ACCEPTED)
def add_group(new: GroupIn, db: Db, now: Now) -> GroupOut:
    """Add a group."""
    name = group_edits.add(db, new.name, _slots(new), now)
    return _shown(db, name)


@router.patch("/{number}", dependencies=_WRITES, responses=ACCEPTED)
def change_group(number: Number, changes: GroupChanges, db: Db, now: Now) -> GroupOut:
    """Change the name and interests of a group. Lists that are sent replace the earlier ones."""
    group_edits.edit(db, number, changes.name, _slots(changes), now)
    return _shown(db, number)


@router.delete("/{number}", status_code=204, dependencies=_WRITES)
def remove_group(number: Number, db: Db) -> Response:
    """Remove a group. Its members stay subscribers."""
    group_edits.remove(db, number)
    return Response(status_code=204)


@router.put("/{number}/members/{subscriber}", dependencies=_WRITES, responses=ACCEPTED)
def join_group(
    number: Number, subscriber: Number, db: Db, keys: SigningKeys, now: Now, new: MemberIn | None = None
) -> GroupOut:
    """Make a subscriber a member, who shares nothing yet. Safe to repeat."""
    is_list = new is not None and new.list
    group_edits.join(db, keys, number, subscriber, now, is_list=is_list)
    return _shown(db, number)


@router.delete("/{number}/members/{subscriber}", status_code=204, dependencies=_WRITES)
def leave_group(number: Number, subscriber: Number, db: Db, keys: SigningKeys) -> Response:
    """End a membership. Safe to repeat."""
    group_edits.leave(db, keys, number, subscriber)
    return Response(status_code=204)


def _slots(given: GroupChanges) -> group_edits.Slots:
    """Return the lists by kind and stance; None for those that were not sent."""
    liked = {(kind, Stance.LIKED): getattr(given, name) for name, kind in MUTABLE.items()}
    muted = {(kind, Stance.MUTED): given.mute and getattr(given.mute, name) for name, kind in MUTABLE.items()}
    return {**liked, **muted}


def _shown(db: Database, group: str | int) -> GroupOut:
    with db.read() as session:
        found = find_group(session, group)
        members = groups.members(session, found)
    return GroupOut.model_validate(
        {"number": found.key, **group_fields(found), "members": [_member(one) for one in members]}
    )


def _member(one: Member) -> MemberOut:
    membership = one.membership
    return MemberOut(
        subscriber=membership.subscriber,
        email=one.address,
        status=one.status,
        list=membership.is_list,
        shares=membership.shared_since is not None,
    )
