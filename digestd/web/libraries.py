"""Link Zotero libraries, whose papers count as liked."""

import asyncio
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from digestd.app import App
from digestd.errors import BadRecord, SourceFailed
from digestd.store import libraries
from digestd.subscribers.libraries import LIBRARIES_MAX, link_zotero, linked_libraries, own_library, unlink
from digestd.text.sanitise import clean
from digestd.web.limiter import RateLimits
from digestd.web.pages import SHOW, Pages
from digestd.web.settings_page import MALFORMED, SettingsPage

PER_NETWORK, EVERYONE, SPAN = 10, 300, timedelta(minutes=10)
AT_ONCE = 4
"""Concurrent requests to Zotero, each with a visitor waiting."""
OK, AWAY = 200, 503
SHOWN_MAX = 100
"""Maximum characters of typed text that are shown again."""


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of library pages."""
    routes, settings_page = APIRouter(), SettingsPage(app, pages)
    limits, turn = RateLimits(PER_NETWORK, EVERYONE, SPAN), asyncio.Semaphore(AT_ONCE)

    @routes.api_route("/p/{token}/libraries", methods=SHOW)
    def show(token: str) -> Response:
        return _page(settings_page, token)

    @routes.post("/p/{token}/libraries/zotero")
    async def zotero(
        request: Request, token: str, key: Annotated[str, Form()] = "", place: Annotated[str, Form()] = ""
    ) -> Response:
        subscriber = (await run_in_threadpool(settings_page.subscriber_of, token)).key
        limits.check(request, app.clock())
        async with turn:
            status, shown = await _zotero(app, subscriber, key, place)
        return await run_in_threadpool(_page, settings_page, token, status, **shown)

    @routes.post("/p/{token}/libraries/read")
    def read(request: Request, token: str, library: Annotated[int, Form()]) -> Response:
        subscriber = settings_page.subscriber_of(token).key
        limits.check(request, app.clock())
        with app.db.write() as session:
            libraries.due_now(session, own_library(session, subscriber, library).key, app.clock())
        return _page(settings_page, token, done="due")

    @routes.post("/p/{token}/libraries/unlink")
    def unlink_library(
        token: str, library: Annotated[int, Form()], papers: Annotated[str, Form()] = "keep"
    ) -> Response:
        is_kept = papers != "drop"
        unlink(app.db, settings_page.subscriber_of(token).key, library, app.clock(), keep=is_kept)
        return _page(settings_page, token, done="kept" if is_kept else "dropped")

    return routes


def _page(settings_page: SettingsPage, token: str, status: int = 200, **values: object) -> Response:
    known = settings_page.subscriber_of(token)
    with settings_page.app.db.read() as session:
        found = linked_libraries(session, known.key)
    shown: dict[str, object] = {"done": "", "may_write": False, "problem": "", "place": ""}
    shown |= {
        "here": settings_page.here(token),
        "linked": found,
        "zone": ZoneInfo(known.timing.timezone),
        "most": LIBRARIES_MAX,
    }
    return settings_page.pages.page("libraries", status, known.language, **{**shown, **values})


async def _zotero(app: App, subscriber: int, key: str, place: str) -> tuple[int, dict[str, object]]:
    """Link a Zotero library. Return the status and the values for the page."""
    again = {"place": clean(place[:SHOWN_MAX])}
    try:
        new = await link_zotero(app.libraries, subscriber, key, place)
    except BadRecord as problem:
        return MALFORMED, {**again, "problem": problem.field}
    except SourceFailed:
        return AWAY, {**again, "problem": "away"}
    return OK, {"done": "linked", "may_write": new.may_write}
