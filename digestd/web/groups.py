"""Share with a group, or leave it, on the settings page.

Joining is the operator's. A member sees the group's interests, and of the other members nothing.
"""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from digestd.errors import BadRecord, NotFound
from digestd.subscribers import group_edits
from digestd.web.dependencies import Db, Now
from digestd.web.settings_page import Settings

_DIGITS_MAX = 15
router = APIRouter()


@router.post("/p/{token}/groups/share")
def share(
    settings: Settings,
    db: Db,
    now: Now,
    group: Annotated[str, Form()] = "",
    shares: Annotated[str, Form()] = "",
) -> Response:
    subscriber = settings.subscriber().key
    group_edits.share(db, subscriber, _number(group), now, shares=bool(shares))
    return settings.shown("shared" if shares else "unshared")


@router.post("/p/{token}/groups/leave")
def leave(settings: Settings, db: Db, group: Annotated[str, Form()] = "") -> Response:
    group_edits.leave_own(db, settings.subscriber().key, _number(group))
    return settings.shown("left_group")


def _number(text: str) -> int:
    """Return the number of a group.

    Raises:
        BadRecord: the form names none.
        NotFound: no group can have this number.
    """
    if not text:
        raise BadRecord("group", "name one of your groups")
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise NotFound("there is no such group")
    return int(text)
