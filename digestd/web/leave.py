"""Leaving and coming back, and another address, by the preferences."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from digestd.app import App
from digestd.domain.mail_budget import Pool
from digestd.domain.subscriber import Cause
from digestd.errors import BadRecord
from digestd.subscribe import TooOld, lighter, unsubscribe
from digestd.subscribe.moving import SameAddress, ask_move
from digestd.web.consent_audit import act as traced
from digestd.web.consent_audit import network_key, wording
from digestd.web.constant_time_response import evenly
from digestd.web.pages import Pages
from digestd.web.settings_page import Sheet


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
        how = traced(app, request, Cause.TAKEN_BACK, wording(pages, "resubscribe", known.language))
        if lighter.return_or_ask(app.db, app.post, known.key, how, app.clock(), Pool.OWNER):
            return sheet.shown(token, "returned")
        return pages.page("confirmation_sent", language=known.language)

    @routes.post("/p/{token}/move")
    async def move(request: Request, token: str, email: Annotated[str, Form()] = "") -> Response:
        # whether somebody else has the address is nobody's business
        return await evenly(partial(_ask_move, app, sheet, token, email, network_key(app.keys, request)))

    return routes


def _ask_move(app: App, sheet: Sheet, token: str, email: str, network: bytes) -> Response:
    """Ask for a move from the preferences, and show them again."""
    try:
        ask_move(app.db, app.post, sheet.whose(token).key, email, app.clock(), network)
    except (BadRecord, SameAddress):
        return sheet.corrected(token, ["email"])
    except TooOld:  # they left while the page stood open: it says so
        return sheet.shown(token)
    return sheet.shown(token, "moving")
