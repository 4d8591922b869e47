"""group: subscribers with shared interests: add, list, show, edit, remove, join, leave."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from digestd import app as wiring
from digestd.cli.arguments import Email, Json
from digestd.cli.output import emit
from digestd.cli.stdio import say
from digestd.cli.subscriber import INTEREST_OPTIONS, with_options
from digestd.domain.interest import Kind, Stance
from digestd.store import groups
from digestd.store.groups import GroupCounts, Member
from digestd.subscribers import group_edits
from digestd.subscribers.group_edits import find_group, group_fields
from digestd.subscribers.subscriber_record import MUTABLE

GroupName = Annotated[str, typer.Argument(metavar="GROUP", help="The name of the group.")]
Slots = dict[tuple[Kind, Stance], list[str] | None]


@with_options(INTEREST_OPTIONS)
def add_group(group: GroupName, **options: Any) -> None:
    """Add a group of subscribers with shared interests.

    The digests of its members cover these interests in addition to their own.

    Example: digestd group add "Folding lab" --topic "protein folding" --author "Ada Lovelace"
    """
    built = wiring.connect()
    name = group_edits.add(built.db, group, _slots(options), built.clock())
    say(f"group '{name}' is added; `digestd group join` adds members")


def list_groups(as_json: Json = False) -> None:
    """List the groups.

    Shows how many members each has, and how many of them share what they like.

    Example: digestd group list --json
    """
    with wiring.connect().db.read() as session:
        emit([_summary(one) for one in groups.listing(session)], as_json)


def show_group(group: GroupName, as_json: Json = False) -> None:
    """Show a group, its interests and its members.

    Example: digestd group show "Folding lab"
    """
    with wiring.connect().db.read() as session:
        found = find_group(session, group)
        members = groups.members(session, found)
    emit({**group_fields(found), "members": [_member(one) for one in members]}, as_json)


@with_options(INTEREST_OPTIONS)
def edit_group(
    group: GroupName,
    name: Annotated[str | None, typer.Option("--name", help="A new name for the group.")] = None,
    **options: Any,
) -> None:
    """Change the name and the interests of a group.

    A given option replaces all earlier values; `--topic ""` removes them. Other interests stay as they are.

    Example: digestd group edit "Folding lab" --topic "protein folding" --topic "cryo-EM"
    """
    built = wiring.connect()
    changed = group_edits.edit(built.db, group, name, _slots(options), built.clock())
    say(f"group '{changed}' is changed; the next digests of its members use it")


def remove_group(group: GroupName) -> None:
    """Remove a group. Its members stay subscribers.

    Example: digestd group remove "Folding lab"
    """
    group_edits.remove(wiring.connect().db, group)
    say("removed")


def join_group(
    group: GroupName,
    email: Email,
    is_list: Annotated[
        bool,
        typer.Option("--list", help="EMAIL is the group's mailing list, which gets one digest for all of them."),
    ] = False,
) -> None:
    """Make a subscriber a member of a group.

    Nothing of a new member is shared. Members agree to share, or leave, on their settings page.

    Example: digestd group join "Folding lab" ada@example.org
    """
    built = wiring.connect()
    joined = group_edits.join(built.db, built.keys, group, email, built.clock(), is_list=is_list)
    say("joined" if joined else "a member already; nothing was changed")


def leave_group(group: GroupName, email: Email) -> None:
    """End a subscriber's membership in a group.

    From now on, what they liked no longer counts in their colleagues' digests.

    Example: digestd group leave "Folding lab" ada@example.org
    """
    built = wiring.connect()
    left = group_edits.leave(built.db, built.keys, group, email)
    say("left" if left else "not a member; nothing was changed")


def _slots(options: Mapping[str, Any]) -> Slots:
    """Return the options for interests by kind and stance; None where an option was not given."""
    found: Slots = {}
    for kind in MUTABLE.values():
        for stance, option in ((Stance.LIKED, kind.value), (Stance.MUTED, f"mute_{kind.value}")):
            found[kind, stance] = options[option] or None
    return found


def _summary(one: GroupCounts) -> dict[str, object]:
    return {
        "name": one.group.name,
        "interests": len(one.group.interests),
        "members": one.members,
        "sharing": one.sharing,
    }


def _member(one: Member) -> dict[str, object]:
    membership = one.membership
    return {
        "email": one.address,
        "name": one.name,
        "status": one.status,
        "list": membership.is_list,
        "shares": membership.shared_since is not None,
        "joined": membership.joined,
    }
