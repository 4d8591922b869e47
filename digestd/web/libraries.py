"""Papers that a subscriber brings along, which count as liked: a file or text, Zotero libraries.

A large file is read in the background, one at a time, while its page shows how far it is and reloads itself.

GET  /p/{token}/import      import form, or the import that runs;  POST likes its papers
GET  /p/{token}/libraries   Zotero;  POST links, reads, unlinks, ends putting saved papers there
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import structlog
from fastapi import APIRouter, Depends, Form, UploadFile
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from digestd.errors import BadRecord, SourceFailed, Unavailable
from digestd.logs import stack_locations
from digestd.sources.imports import BYTES_MAX, IMPORT_FORMATS
from digestd.sources.source import Page
from digestd.store import libraries
from digestd.subscribers.libraries import (
    LIBRARIES_MAX,
    LibrarySync,
    LinkedLibrary,
    NoSuchCollection,
    link_zotero,
    linked_libraries,
    own_library,
    stop_saving,
    unlink,
)
from digestd.subscribers.reference_import import ReferenceImportReport, import_references, read_references
from digestd.text.sanitise import clean
from digestd.web.dependencies import Network, part
from digestd.web.guards import RateLimits
from digestd.web.pages import SHOW
from digestd.web.preferences import MALFORMED, Settings, SettingsPage

BODY_MAX = BYTES_MAX + 16 * 1024
"""Maximum size of the file plus the rest of the form."""
PATHS = "/p/[^/]+/import"
PER_NETWORK, EVERYONE, SPAN = 10, 300, timedelta(minutes=10)
"""Each import starts a parser process, and each Zotero library asks a service."""
WAIT_SECONDS = 4.0
"""Time that a visitor waits for the result, which most files take less than."""
RELOAD_SECONDS = 3
LARGE = 1024 * 1024
"""Bytes from which a file waits for other large ones only, which may take minutes."""
SMALL_MAX, LARGE_MAX = 30, 3
"""Small and large imports that wait or run in this process; each holds its file in memory."""
TEXT_MAX = 1_000_000
"""Characters that the form takes; Starlette refuses a field of more than one MiB."""
FAILED = "the import failed, and we logged why; try again later"
KEPT_SECONDS = 600.0
"""Time for which the page shows the result of an import that ran in the background."""
NAMED = 100
"""Maximum number of refused entries listed on the page."""
ZOTERO_AT_ONCE = 4
"""Concurrent requests to Zotero, each with a visitor waiting."""
OK, AWAY = 200, 503
SHOWN_MAX = 100
"""Maximum characters of typed text that are shown again."""
log = structlog.get_logger(__name__)
router = APIRouter()
_ImportLimits = Annotated[RateLimits, Depends(part(lambda _app: RateLimits(PER_NETWORK, EVERYONE, SPAN)))]
_LibraryLimits = Annotated[RateLimits, Depends(part(lambda _app: RateLimits(PER_NETWORK, EVERYONE, SPAN)))]
_ZoteroTurn = Annotated[asyncio.Semaphore, Depends(part(lambda _app: asyncio.Semaphore(ZOTERO_AT_ONCE)))]
_Libraries = Annotated[LibrarySync, Depends(part(lambda app: app.libraries))]
_Outcome = str | tuple[str, ReferenceImportReport, int]


@dataclass(slots=True)
class _Import:
    """An import that waits, runs or has ended.

    `task` returns why it failed, or the format, the report with NAMED refused entries at most, and how many there are;
    `count`: the entries that were read so far; `has_refused`: another file was sent meanwhile and not read.
    """

    is_large: bool
    task: asyncio.Task[_Outcome]
    count: int = 0
    has_refused: bool = False
    timer: asyncio.TimerHandle | None = None


class ImportQueue:
    """Imports in this process: one small and one large one run at a time, and a subscriber has one at most."""

    def __init__(self) -> None:
        self._turns = {is_large: asyncio.Semaphore(1) for is_large in (False, True)}
        self._imports: dict[int, _Import] = {}

    def start(self, subscriber: int, body: bytes, form: str, like: Callable[[Page], ReferenceImportReport]) -> None:
        """Start an import, unless one of this subscriber runs. Raises Unavailable if too many are waiting."""
        if (earlier := self._imports.get(subscriber)) and not earlier.task.done():
            earlier.has_refused = True
            return
        is_large = len(body) > LARGE
        running = sum(one.is_large is is_large and not one.task.done() for one in self._imports.values())
        if running >= (LARGE_MAX if is_large else SMALL_MAX):
            raise Unavailable("too many imports are waiting")
        task = asyncio.ensure_future(self._run(subscriber, body, form, like))
        self._imports[subscriber] = new = _Import(is_large, task)
        task.add_done_callback(lambda _task: self._end(subscriber, new))

    async def wait(self, subscriber: int, seconds: float) -> _Import:
        """Return the import of a subscriber after it has ended or the time is over; forget one that has ended."""
        found = self._imports[subscriber]
        await asyncio.wait({found.task}, timeout=seconds)
        if found.task.done():
            self._forget(subscriber, found)
        return found

    def find(self, subscriber: int) -> _Import | None:
        """Return the import of a subscriber that runs or has ended lately."""
        return self._imports.get(subscriber)

    def _end(self, subscriber: int, ended: _Import) -> None:
        """Keep a result for its page, which says what went wrong, too."""
        ended.timer = ended.task.get_loop().call_later(KEPT_SECONDS, self._forget, subscriber, ended)

    def _forget(self, subscriber: int, ended: _Import) -> None:
        if ended.timer:
            ended.timer.cancel()
        if self._imports.get(subscriber) is ended:
            del self._imports[subscriber]

    async def _run(
        self, subscriber: int, body: bytes, form: str, like: Callable[[Page], ReferenceImportReport]
    ) -> _Outcome:
        def note(count: int) -> None:
            self._imports[subscriber].count = count

        try:
            async with self._turns[len(body) > LARGE]:
                found, read = await read_references(body, form, note)
                done = await run_in_threadpool(like, read)
        except SourceFailed as error:
            return str(error)
        except Exception as error:  # of the database, say; kept for the page, it would keep the file too
            log.error("import failed", kind=type(error).__name__, places=stack_locations(error.__traceback__))
            return FAILED
        return found, replace(done, refused=done.refused[:NAMED]), done.all_refused


_Imports = Annotated[ImportQueue, Depends(part(lambda _app: ImportQueue()))]


@router.api_route("/p/{token}/import", methods=SHOW)
async def show_import(settings: Settings, imports: _Imports) -> Response:
    subscriber = (await run_in_threadpool(settings.subscriber)).key
    return await _answer(settings, imports.find(subscriber))


@router.post("/p/{token}/import")
async def import_papers(
    settings: Settings,
    network: Network,
    limits: _ImportLimits,
    imports: _Imports,
    text: Annotated[str, Form()] = "",
    form: Annotated[str, Form()] = "",
    file: Annotated[UploadFile | None, Form()] = None,
) -> Response:
    subscriber = (await run_in_threadpool(settings.subscriber)).key
    limits.check(network, settings.now)
    body = (await file.read() if file else b"") or text.encode("utf-8", "replace")
    wished = form if form in IMPORT_FORMATS else ""
    imports.start(subscriber, body, wished, lambda read: import_references(settings.db, subscriber, read, settings.now))
    return await _answer(settings, await imports.wait(subscriber, WAIT_SECONDS), text=text, form=wished)


async def _answer(settings: SettingsPage, found: _Import | None, **again: object) -> Response:
    """Return the page for an import. `again`: what was entered, to be shown again if it cannot be read."""
    if found is None:
        return await run_in_threadpool(_import_page, settings)
    refused = {"has_refused": found.has_refused}
    if not found.task.done():
        page = await run_in_threadpool(_import_page, settings, reading=found.count, **refused)
        page.headers["Refresh"] = f"{RELOAD_SECONDS}; url={settings.here}/import"
        return page
    outcome = found.task.result()
    if isinstance(outcome, str):
        status = AWAY if outcome == FAILED else MALFORMED
        return await run_in_threadpool(_import_page, settings, status, problem=outcome, **refused, **again)
    form, done, count = outcome
    return await run_in_threadpool(_import_page, settings, done=done, refused=count, form=form, **refused)


def _import_page(settings: SettingsPage, status: int = 200, **values: object) -> Response:
    language = settings.subscriber().language
    shown: dict[str, object] = {"done": None, "problem": "", "named": NAMED, "text": "", "form": ""}
    shown |= {"refused": 0, "reading": None, "has_refused": False, "text_max": TEXT_MAX}
    shown["formats"] = [(name, form.label) for name, form in IMPORT_FORMATS.items()]
    return settings.pages.page("references", status, language, here=settings.here, **{**shown, **values})


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
    save: Annotated[str, Form()] = "",
    collection: Annotated[str, Form()] = "",
) -> Response:
    subscriber = (await run_in_threadpool(settings.subscriber)).key
    limits.check(network, settings.now)
    async with turn:
        status, shown = await _zotero(sync, subscriber, key, place, collection if save else None)
    return await run_in_threadpool(_library_page, settings, status, **shown)


@router.post("/p/{token}/libraries/read")
def read(settings: Settings, network: Network, limits: _LibraryLimits, library: Annotated[int, Form()]) -> Response:
    subscriber = settings.subscriber().key
    limits.check(network, settings.now)
    with settings.db.write() as session:
        libraries.due_now(session, own_library(session, subscriber, library).key, settings.now)
    return _library_page(settings, done="due")


@router.post("/p/{token}/libraries/stop")
def stop(settings: Settings, library: Annotated[int, Form()]) -> Response:
    stop_saving(settings.db, settings.subscriber().key, library)
    return _library_page(settings, done="stopped")


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
    shown |= {"saves": False, "collection": "", "titles": (), **_again(found)}
    shown |= {
        "here": settings.here,
        "linked": found,
        "zone": ZoneInfo(known.timing.timezone),
        "most": LIBRARIES_MAX,
    }
    return settings.pages.page("libraries", status, known.language, **{**shown, **values})


def _again(linked: Sequence[LinkedLibrary]) -> dict[str, object]:
    """Return what the form needs to link a library again that gets saved papers: one that has a problem, if any."""
    stuck_first = sorted((one.library for one in linked), key=lambda library: not library.is_saving_stuck)
    for library in stuck_first:
        if library.saving is not None:
            place = "" if library.place.startswith("users/") else library.place
            return {"place": place, "saves": True, "collection": clean(library.saving.title)}
    return {}


async def _zotero(
    sync: LibrarySync, subscriber: int, key: str, place: str, collection: str | None
) -> tuple[int, dict[str, object]]:
    """Link a Zotero library. Return the status and the values for the page."""
    again: dict[str, object] = {"place": clean(place[:SHOWN_MAX]), "saves": collection is not None}
    again["collection"] = clean((collection or "")[:SHOWN_MAX])
    try:
        new = await link_zotero(sync, subscriber, key, place, collection)
    except NoSuchCollection as problem:
        return MALFORMED, {**again, "problem": problem.field, "titles": [clean(name) for name in problem.titles]}
    except BadRecord as problem:
        return MALFORMED, {**again, "problem": problem.field}
    except SourceFailed:
        return AWAY, {**again, "problem": "away"}
    return OK, {"done": "linked", "may_write": new.may_write and new.saving is None}
