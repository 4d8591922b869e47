"""Unsubscribe, resubscribe and change the address from the settings page."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from digestd.app import App
from digestd.domain.mail_budget import Pool
from digestd.domain.subscriber import Cause
from digestd.errors import BadRecord
from digestd.subscribers import reduced_frequency
from digestd.subscribers.address_change import SameAddress, request_address_change
from digestd.subscribers.signup import LinkExpired
from digestd.subscribers.status_changes import unsubscribe
from digestd.web.consent_audit import consent_act, consent_text, network_key
from digestd.web.constant_time_response import answer_in_constant_time
from digestd.web.pages import Pages
from digestd.web.settings_page import SettingsPage


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes, settings_page = APIRouter(), SettingsPage(app, pages)

    @routes.post("/p/{token}/leave")
    def leave(request: Request, token: str) -> Response:
        unsubscribe(app.db, settings_page.subscriber_of(token).key, consent_act(app, request, Cause.WEB), app.clock())
        return settings_page.shown(token, "left")

    @routes.post("/p/{token}/back")
    def back(request: Request, token: str) -> Response:
        known = settings_page.subscriber_of(token)
        how = consent_act(app, request, Cause.TAKEN_BACK, consent_text(pages, "resubscribe", known.language))
        if reduced_frequency.return_or_ask(app.db, app.notices, known.key, how, app.clock(), Pool.OWNER):
            return settings_page.shown(token, "returned")
        return pages.page("confirmation_sent", language=known.language)

    @routes.post("/p/{token}/move")
    async def move(request: Request, token: str, email: Annotated[str, Form()] = "") -> Response:
        # must not reveal whether the new address is subscribed
        return await answer_in_constant_time(
            partial(_ask_move, app, settings_page, token, email, network_key(app.keys, request))
        )

    return routes


def _ask_move(app: App, settings_page: SettingsPage, token: str, email: str, network: bytes) -> Response:
    """Request an address change and return the settings page."""
    try:
        request_address_change(app.db, app.notices, settings_page.subscriber_of(token).key, email, app.clock(), network)
    except (BadRecord, SameAddress):
        return settings_page.corrected(token, ["email"])
    except LinkExpired:  # unsubscribed while the page was open
        return settings_page.shown(token)
    return settings_page.shown(token, "moving")
