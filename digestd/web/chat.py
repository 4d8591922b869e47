"""Send digests to a chat room: asked for in the settings, confirmed by a link in a mail.

The URL of a room holds secrets, so no page shows it again.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from digestd.app import App
from digestd.errors import BadInput, NotFound
from digestd.mail.rendering import render_chat_test
from digestd.subscribers.chat import chat_url, confirm_chat, open_chat_request, post_test, remove_chat, request_chat
from digestd.subscribers.confirmed_actions import RequestOutcome
from digestd.subscribers.signup import LinkExpired
from digestd.web.limiter import RateLimits, TooOften, Window
from digestd.web.pages import SHOW, Pages
from digestd.web.settings_page import SettingsPage
from digestd.web.unsubscribe import masked

PER_NETWORK, PER_ROOM, EVERYONE, SPAN = 10, 3, 60, timedelta(minutes=10)
"""Test messages."""


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes, settings_page = APIRouter(), SettingsPage(app, pages)
    _asking(app, pages, settings_page, routes)
    _testing(app, settings_page, routes)
    _confirming(app, pages, routes)
    return routes


def _asking(app: App, pages: Pages, settings_page: SettingsPage, routes: APIRouter) -> None:
    """Add the routes of the settings page that ask for a room, and remove it."""
    allows_private = app.settings.subscriber_chats == "any"

    @routes.post("/p/{token}/chat")
    def ask(token: str, url: Annotated[str, Form()] = "") -> Response:
        known = settings_page.subscriber_of(token)
        if app.settings.subscriber_chats == "off":
            return settings_page.corrected(token, ["chat"])
        try:
            asked = request_chat(
                app.db, app.notices, known.key, url.strip(), app.clock(), public_only=not allows_private
            )
        except BadInput:
            return settings_page.corrected(token, ["chat"])
        status = 409 if asked is RequestOutcome.UNREACHABLE else 200
        return pages.page(
            "request_sent",
            status,
            known.language,
            asked=asked,
            address=masked(known.address),
            here=settings_page.here(token),
        )

    @routes.post("/p/{token}/chat/remove")
    def remove(token: str) -> Response:
        remove_chat(app.db, settings_page.subscriber_of(token).key)
        return settings_page.shown(token, "chat_removed")


def _testing(app: App, settings_page: SettingsPage, routes: APIRouter) -> None:
    """Add the route that posts a test message."""
    limits, per_room = RateLimits(PER_NETWORK, EVERYONE, SPAN), Window(PER_ROOM, SPAN)
    allows_private = app.settings.subscriber_chats == "any"

    @routes.post("/p/{token}/chat/test")
    async def test(request: Request, token: str) -> Response:
        known = await run_in_threadpool(settings_page.subscriber_of, token)
        try:
            stored = await run_in_threadpool(chat_url, app.db, app.keys, known.key)
        except NotFound:
            return await run_in_threadpool(settings_page.shown, token, "chat_failed")
        limits.check(request, app.clock())
        if not per_room.allows(str(known.key), app.clock()):
            raise TooOften(per_room.later)
        text = render_chat_test(app.templates, app.settings.list_name, known.language)
        problem = await post_test(stored, text, allows_private=allows_private)
        done = "chat_failed" if problem else "chat_tested"
        return await run_in_threadpool(settings_page.shown, token, done)


def _confirming(app: App, pages: Pages, routes: APIRouter) -> None:
    """Add the routes behind the link in the mail."""

    @routes.api_route("/chat/{token}", methods=SHOW)
    def show(request: Request, token: str) -> Response:
        try:
            known, wanted = open_chat_request(app.db, app.keys, token, app.clock())
        except LinkExpired:
            return pages.to(request).page("link_expired", 410)
        here = f"{pages.site.root}chat/{token}"
        return pages.page("chat_confirm", language=known.language, here=here, room=wanted.label)

    @routes.post("/chat/{token}")
    def confirm(request: Request, token: str) -> Response:
        try:
            known, wanted = confirm_chat(app.db, app.keys, token, app.clock())
        except LinkExpired:
            return pages.to(request).page("link_expired", 410)
        return pages.page("chat_confirmed", language=known.language, room=wanted.label)
