"""Share with a group, or leave it, on the settings page.

Joining is the operator's. A member sees the group's interests, and of the other members nothing.
"""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from digestd.app import App
from digestd.errors import BadRecord, NotFound
from digestd.subscribers import group_edits
from digestd.web.pages import Pages
from digestd.web.settings_page import SettingsPage

_DIGITS_MAX = 15


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes, settings_page = APIRouter(), SettingsPage(app, pages)

    @routes.post("/p/{token}/groups/share")
    def share(
        token: str,
        group: Annotated[str, Form()] = "",
        shares: Annotated[str, Form()] = "",
    ) -> Response:
        subscriber = settings_page.subscriber_of(token).key
        group_edits.share(app.db, subscriber, _number(group), app.clock(), shares=bool(shares))
        return settings_page.shown(token, "shared" if shares else "unshared")

    @routes.post("/p/{token}/groups/leave")
    def leave(token: str, group: Annotated[str, Form()] = "") -> Response:
        subscriber = settings_page.subscriber_of(token).key
        group_edits.leave_own(app.db, subscriber, _number(group))
        return settings_page.shown(token, "left_group")

    return routes


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
