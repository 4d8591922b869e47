"""Import liked papers from a file or pasted text."""

import asyncio
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from digestd.app import App
from digestd.errors import SourceFailed
from digestd.sources.imports import BYTES_MAX, IMPORT_FORMATS
from digestd.sources.source import Page
from digestd.subscribers.cold_start import ColdStartReport, import_references, read_references
from digestd.web.limiter import RateLimits
from digestd.web.pages import SHOW, Pages
from digestd.web.settings_page import MALFORMED, SettingsPage

BODY_MAX = BYTES_MAX + 16 * 1024
"""Maximum size of the file plus the rest of the form."""
PATHS = "/p/*/import"
PER_NETWORK, EVERYONE, SPAN = 10, 300, timedelta(minutes=10)
"""Each import starts a parser process."""
NAMED = 100
"""Maximum number of refused entries listed on the page."""


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of reference pages."""
    routes, settings_page = APIRouter(), SettingsPage(app, pages)
    limits = RateLimits(PER_NETWORK, EVERYONE, SPAN)
    turn = asyncio.Semaphore(1)  # whoever waits holds no thread, and one reading process is enough

    def page(token: str, status: int = 200, **values: object) -> Response:
        language = settings_page.subscriber_of(token).language
        shown: dict[str, object] = {"done": None, "problem": "", "named": NAMED, "text": "", "form": ""}
        shown["formats"] = [(name, form.label) for name, form in IMPORT_FORMATS.items()]
        return pages.page("references", status, language, here=settings_page.here(token), **{**shown, **values})

    def like_all(token: str, read: Page) -> ColdStartReport:
        return import_references(app.db, settings_page.subscriber_of(token).key, read, app.clock())

    @routes.api_route("/p/{token}/import", methods=SHOW)
    def ask(token: str) -> Response:
        return page(token)

    @routes.post("/p/{token}/import")
    async def take(
        request: Request,
        token: str,
        text: Annotated[str, Form()] = "",
        form: Annotated[str, Form()] = "",
        file: Annotated[UploadFile | None, Form()] = None,
    ) -> Response:
        await run_in_threadpool(settings_page.subscriber_of, token)
        limits.check(request, app.clock())
        wished = form if form in IMPORT_FORMATS else ""
        body = (await file.read() if file else b"") or text.encode("utf-8", "replace")
        try:
            async with turn:
                found, read = await read_references(body, wished)
        except SourceFailed as error:
            return await run_in_threadpool(page, token, MALFORMED, problem=str(error), text=text, form=wished)
        done = await run_in_threadpool(like_all, token, read)
        return await run_in_threadpool(page, token, done=done, form=found)

    return routes
