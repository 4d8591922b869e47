"""Leaving and coming back, and another address, by the preferences."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from digestd.app import App
from digestd.domain.subscriber import Cause
from digestd.errors import BadRecord
from digestd.subscribe import TooOld, lighter, unsubscribe
from digestd.subscribe.moving import SameAddress, ask_move
from digestd.web.evenly import evenly
from digestd.web.pages import Pages
from digestd.web.settings_sheet import Sheet
from digestd.web.trace import act as traced
from digestd.web.trace import wording


def router(app: App, pages: Pages) -> APIRouter:
    """The routes of this file."""
    routes, sheet = APIRouter(), Sheet(app, pages)

    @routes.post("/p/{token}/leave")
    def leave(request: Request, token: str) -> Response:
        unsubscribe(app.db, sheet.whose(token).key, traced(app, request, Cause.WEB), app.clock())
        return sheet.shown(token, "left")

    @routes.post("/p/{token}/back")
    def back(request: Request, token: str) -> Response:
        known = sheet.whose(token)
        how = traced(app, request, Cause.TAKEN_BACK, wording(pages, "return", known.language))
        if lighter.return_or_ask(app.db, app.post, known.key, how, app.clock()):
            return sheet.shown(token, "returned")
        return pages.page("asked", language=known.language)

    @routes.post("/p/{token}/move")
    def move(token: str, email: Annotated[str, Form()] = "") -> Response:
        known = sheet.whose(token)
        try:
            with evenly():  # whether somebody else has the address is nobody's business
                ask_move(app.db, app.post, known.key, email, app.clock())
        except (BadRecord, SameAddress):
            return sheet.corrected(token, ["email"])
        except TooOld:  # they left while the page stood open: it says so
            return sheet.shown(token)
        return sheet.shown(token, "moving")

    return routes
