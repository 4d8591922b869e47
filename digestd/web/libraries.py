"""Papers that a subscriber brings along, which count as liked: a file or text, Zotero libraries.

GET  /p/{token}/import      import form;  POST likes its papers
GET  /p/{token}/libraries   Zotero;  POST links, reads, unlinks
"""

import asyncio
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, UploadFile
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from digestd.errors import BadRecord, SourceFailed
from digestd.sources.imports import BYTES_MAX, IMPORT_FORMATS
from digestd.sources.source import Page
from digestd.store import libraries
from digestd.subscribers.libraries import LIBRARIES_MAX, LibrarySync, link_zotero, linked_libraries, own_library, unlink
from digestd.subscribers.reference_import import ReferenceImportReport, import_references, read_references
from digestd.text.sanitise import clean
from digestd.web.dependencies import Network, part
from digestd.web.guards import RateLimits
from digestd.web.pages import SHOW
from digestd.web.preferences import MALFORMED, Settings, SettingsPage

BODY_MAX = BYTES_MAX + 16 * 1024
"""Maximum size of the file plus the rest of the form."""
PATHS = "/p/*/import"
PER_NETWORK, EVERYONE, SPAN = 10, 300, timedelta(minutes=10)
"""Each import starts a parser process, and each Zotero library asks a service."""
NAMED = 100
"""Maximum number of refused entries listed on the page."""
ZOTERO_AT_ONCE = 4
"""Concurrent requests to Zotero, each with a visitor waiting."""
OK, AWAY = 200, 503
SHOWN_MAX = 100
"""Maximum characters of typed text that are shown again."""
router = APIRouter()
_ImportLimits = Annotated[RateLimits, Depends(part(lambda _app: RateLimits(PER_NETWORK, EVERYONE, SPAN)))]
_LibraryLimits = Annotated[RateLimits, Depends(part(lambda _app: RateLimits(PER_NETWORK, EVERYONE, SPAN)))]
_ImportTurn = Annotated[asyncio.Semaphore, Depends(part(lambda _app: asyncio.Semaphore(1)))]
"""One process that reads is enough, and whoever waits for it holds no thread."""
_ZoteroTurn = Annotated[asyncio.Semaphore, Depends(part(lambda _app: asyncio.Semaphore(ZOTERO_AT_ONCE)))]
_Libraries = Annotated[LibrarySync, Depends(part(lambda app: app.libraries))]


@router.api_route("/p/{token}/import", methods=SHOW)
def show_import(settings: Settings) -> Response:
    return _import_page(settings)


@router.post("/p/{token}/import")
async def import_papers(
    settings: Settings,
    network: Network,
    limits: _ImportLimits,
    turn: _ImportTurn,
    text: Annotated[str, Form()] = "",
    form: Annotated[str, Form()] = "",
    file: Annotated[UploadFile | None, Form()] = None,
) -> Response:
    await run_in_threadpool(settings.subscriber)
    limits.check(network, settings.now)
    wished = form if form in IMPORT_FORMATS else ""
    body = (await file.read() if file else b"") or text.encode("utf-8", "replace")
    try:
        async with turn:
            found, read = await read_references(body, wished)
    except SourceFailed as error:
        return await run_in_threadpool(_import_page, settings, MALFORMED, problem=str(error), text=text, form=wished)
    done = await run_in_threadpool(_like_all, settings, read)
    return await run_in_threadpool(_import_page, settings, done=done, form=found)


def _import_page(settings: SettingsPage, status: int = 200, **values: object) -> Response:
    language = settings.subscriber().language
    shown: dict[str, object] = {"done": None, "problem": "", "named": NAMED, "text": "", "form": ""}
    shown["formats"] = [(name, form.label) for name, form in IMPORT_FORMATS.items()]
    return settings.pages.page("references", status, language, here=settings.here, **{**shown, **values})


def _like_all(settings: SettingsPage, read: Page) -> ReferenceImportReport:
    return import_references(settings.db, settings.subscriber().key, read, settings.now)


@router.api_route("/p/{token}/libraries", methods=SHOW)
def show_libraries(settings: Settings) -> Response:
    return _library_page(settings)


@router.post("/p/{token}/libraries/zotero")
async def zotero(
    settings: Settings,
    network: Network,
    limits: _LibraryLimits,
    turn: _ZoteroTurn,
    sync: _Libraries,
    key: Annotated[str, Form()] = "",
    place: Annotated[str, Form()] = "",
) -> Response:
    subscriber = (await run_in_threadpool(settings.subscriber)).key
    limits.check(network, settings.now)
    async with turn:
        status, shown = await _zotero(sync, subscriber, key, place)
    return await run_in_threadpool(_library_page, settings, status, **shown)


@router.post("/p/{token}/libraries/read")
def read(settings: Settings, network: Network, limits: _LibraryLimits, library: Annotated[int, Form()]) -> Response:
    subscriber = settings.subscriber().key
    limits.check(network, settings.now)
    with settings.db.write() as session:
        libraries.due_now(session, own_library(session, subscriber, library).key, settings.now)
    return _library_page(settings, done="due")


@router.post("/p/{token}/libraries/unlink")
def unlink_library(
    settings: Settings, library: Annotated[int, Form()], papers: Annotated[str, Form()] = "keep"
) -> Response:
    is_kept = papers != "drop"
    unlink(settings.db, settings.subscriber().key, library, settings.now, keep=is_kept)
    return _library_page(settings, done="kept" if is_kept else "dropped")


def _library_page(settings: SettingsPage, status: int = 200, **values: object) -> Response:
    known = settings.subscriber()
    with settings.db.read() as session:
        found = linked_libraries(session, known.key)
    # `orcid` is for operators' templates of 0.1.0, whose form has a field for it.
    shown: dict[str, object] = {"done": "", "may_write": False, "problem": "", "place": "", "orcid": ""}
    shown |= {
        "here": settings.here,
        "linked": found,
        "zone": ZoneInfo(known.timing.timezone),
        "most": LIBRARIES_MAX,
    }
    return settings.pages.page("libraries", status, known.language, **{**shown, **values})


async def _zotero(sync: LibrarySync, subscriber: int, key: str, place: str) -> tuple[int, dict[str, object]]:
    """Link a Zotero library. Return the status and the values for the page."""
    again = {"place": clean(place[:SHOWN_MAX])}
    try:
        new = await link_zotero(sync, subscriber, key, place)
    except BadRecord as problem:
        return MALFORMED, {**again, "problem": problem.field}
    except SourceFailed:
        return AWAY, {**again, "problem": "away"}
    return OK, {"done": "linked", "may_write": new.may_write}
