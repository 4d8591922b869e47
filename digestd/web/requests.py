"""Erase data and renew links.

Requested in the settings, confirmed by a link sent by mail.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from digestd.app import App
from digestd.security.links import Purpose
from digestd.subscribers.confirmed_actions import (
    RequestOutcome,
    erase_as_requested,
    open_request,
    renew_as_requested,
    request_erasure,
    request_renewal,
)
from digestd.subscribers.signup import LinkExpired
from digestd.web.pages import SHOW, Pages
from digestd.web.settings_page import SettingsPage
from digestd.web.unsubscribe import masked


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes, settings_page = APIRouter(), SettingsPage(app, pages)
    _asking(app, pages, settings_page, routes)
    _erasing(app, pages, routes)
    _renewing(app, pages, settings_page, routes)
    return routes


def _asking(app: App, pages: Pages, settings_page: SettingsPage, routes: APIRouter) -> None:
    """Add the routes that request a confirmation mail."""

    @routes.api_route("/p/{token}/erase", methods=SHOW)
    def show(token: str) -> Response:
        known = settings_page.subscriber_of(token)
        return pages.page(
            "erase", language=known.language, here=settings_page.here(token), address=masked(known.address)
        )

    @routes.post("/p/{token}/erase")
    def ask_erasure(token: str) -> Response:
        known = settings_page.subscriber_of(token)
        return _answer(pages, settings_page, token, request_erasure(app.db, app.notices, known.key, app.clock()))

    @routes.post("/p/{token}/renew")
    def ask_renewal(token: str) -> Response:
        known = settings_page.subscriber_of(token)
        return _answer(pages, settings_page, token, request_renewal(app.db, app.notices, known.key, app.clock()))


def _answer(pages: Pages, settings_page: SettingsPage, token: str, outcome: RequestOutcome) -> Response:
    known = settings_page.subscriber_of(token)
    status = 409 if outcome is RequestOutcome.UNREACHABLE else 200
    address = masked(known.address)
    return pages.page(
        "request_sent", status, known.language, asked=outcome, address=address, here=settings_page.here(token)
    )


def _over(pages: Pages, request: Request) -> Response:
    return pages.to(request).page("link_expired", 410)


def _erasing(app: App, pages: Pages, routes: APIRouter) -> None:
    """Add the routes behind the erasure link."""

    @routes.api_route("/erase/{token}", methods=SHOW)
    def show_erasure(request: Request, token: str) -> Response:
        try:
            known = open_request(app.db, app.keys, Purpose.ERASE, token, app.clock())
        except LinkExpired:
            return _over(pages, request)
        here = f"{pages.site.root}erase/{token}"
        return pages.page("erase_confirm", language=known.language, here=here, address=masked(known.address))

    @routes.post("/erase/{token}")
    def erase(request: Request, token: str) -> Response:
        try:
            known = erase_as_requested(app.db, app.keys, token, app.clock())
        except LinkExpired:
            return _over(pages, request)
        return pages.page("erased", language=known.language)


def _renewing(app: App, pages: Pages, settings_page: SettingsPage, routes: APIRouter) -> None:
    """Add the routes behind the renewal link."""

    @routes.api_route("/renew/{token}", methods=SHOW)
    def show_renewal(request: Request, token: str) -> Response:
        try:
            known = open_request(app.db, app.keys, Purpose.RENEW, token, app.clock())
        except LinkExpired:
            return _over(pages, request)
        return pages.page("renew_confirm", language=known.language, here=f"{pages.site.root}renew/{token}")

    @routes.post("/renew/{token}")
    def renew(request: Request, token: str, shelf: Annotated[str, Form()] = "") -> Response:
        try:
            fresh = renew_as_requested(app.db, app.keys, token, app.clock(), shelf=bool(shelf))
        except LinkExpired:
            return _over(pages, request)
        return settings_page.shown(fresh, "renewed")
