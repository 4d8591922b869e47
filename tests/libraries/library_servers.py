"""Servers on this machine that answer as Zotero documents.

Tests set their contents.

Versions, conditional requests, pages, the trash, deletions and writes follow Zotero's web API 3. All contents are
invented.
"""

import asyncio
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from digestd.domain.library import EntryStatus, LibraryEntry, LibraryLink, LibraryProvider, Saving, SavingProblem
from digestd.domain.paper import PaperId
from digestd.store import libraries
from digestd.store.database import Database
from tests.papers.http_server import Answerer, HttpServer, ReceivedRequest, says, serve_http

KEY = "kEyOfAda0canary0NobodyKnows"
CARBERRY = "0000-0002-1825-0097"
"""The iD of ORCID's own invented example, Josiah Carberry."""
PER_PAGE_MAX = 100
WRITTEN_MAX = 50
TAG_MAX = 255
_SHARED = "title creators abstractNote date url accessDate shortTitle language rights extra archive archiveLocation"
_COMMON = f"{_SHARED} libraryCatalog callNumber DOI key version itemType tags collections relations".split()
_PREPRINT = "genre repository archiveID place series seriesNumber citationKey"
_ARTICLE = "publicationTitle volume issue pages series seriesTitle seriesText journalAbbreviation ISSN"
_PREPRINT = "genre repository archiveID place series seriesNumber citationKey"
_ARTICLE = "publicationTitle volume issue pages series seriesTitle seriesText journalAbbreviation ISSN"
TEMPLATES = {"preprint": {*_COMMON, *_PREPRINT.split()}, "journalArticle": {*_COMMON, *_ARTICLE.split()}}
"""Fields that items of a type may have, as `/items/new` shows them."""
ITEM_KEY = re.compile(r"[23456789ABCDEFGHIJKLMNPQRSTUVWXYZ]{8}")


@dataclass
class Zotero:
    """A server with one key, which opens the library of one user and one group."""

    site: HttpServer
    key: str = KEY
    may_write: bool = False
    may_write_groups: bool = False
    collections: dict[str, str] = field(default_factory=dict)
    """Titles by key."""
    refused: dict[str, int] = field(default_factory=dict)
    """Why new items of a title are refused."""
    added: list[dict[str, Any]] = field(default_factory=list)
    """Items that a client added, oldest first."""
    version: int = 10
    items: dict[str, dict[str, object]] = field(default_factory=dict)
    deleted: dict[str, int] = field(default_factory=dict)
    said: dict[str, object] = field(default_factory=dict)
    """Headers that every answer carries besides."""
    first: list[Answerer] = field(default_factory=list)
    """What is answered first, each once, whatever is asked."""
    on_page: list[str] = field(default_factory=list)
    """Items that somebody puts there while the library is read, one a page."""

    def __post_init__(self) -> None:
        for place in ("users/12", "groups/34"):
            self.site.paths[f"/{place}/items/top"] = self._with_key(self._items)
            self.site.paths[f"/{place}/deleted"] = self._with_key(self._deleted)
            self.site.paths[f"/{place}/items"] = self._with_key(self._add)
            self.site.paths[f"/{place}/collections"] = self._with_key(self._collections)
        self.site.paths["/keys/current"] = self._with_key(self._rights)

    @property
    def base(self) -> str:
        return self.site.url("").rstrip("/")

    @property
    def requests(self) -> list[str]:
        paths = [request.path for request in self.site.requests]
        self.site.requests.clear()
        return paths

    def put(self, name: str, **data: object) -> None:
        """Add or change an item."""
        self.version += 1
        said = {"itemType": "preprint", "title": f"On {name}", "dateAdded": "2026-11-01T08:00:00Z", **data}
        self.items[name] = {"key": name, "version": self.version, "data": {"key": name, **said}}

    def trash(self, name: str) -> None:
        self.version += 1
        item = self.items[name]
        self.items[name] = {**item, "version": self.version, "data": {**item["data"], "deleted": 1}}  # type: ignore[dict-item]  # an object

    def delete(self, name: str) -> None:
        self.version += 1
        del self.items[name]
        self.deleted[name] = self.version

    def _answer(self, body: bytes, status: int = 200, **headers: object) -> Answerer:
        said: dict[str, Any] = {"Last_Modified_Version": self.version, **headers, **self.said}
        return says(body, status, **said)

    def _with_key(self, answer: Answerer) -> Answerer:
        async def first(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            if self.first:
                await self.first.pop(0)(request, writer)
            elif request.headers.get("zotero-api-key") != self.key or request.headers.get("zotero-api-version") != "3":
                await says(b"Forbidden", 403)(request, writer)
            else:
                await answer(request, writer)

        return first

    async def _items(self, request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        since = int(query.get("since", 0))
        if int(request.headers.get("if-modified-since-version", -1)) >= self.version:
            await self._answer(b"", 304)(request, writer)
            return
        found = [item for item in self.items.values() if int(str(item["version"])) > since]
        if query.get("includeTrashed") != "1":
            found = [item for item in found if not _data(item).get("deleted")]
        found.sort(key=lambda item: (str(_data(item)["dateAdded"]), str(item["key"])), reverse=True)
        start, limit = int(query.get("start", 0)), min(int(query.get("limit", 25)), PER_PAGE_MAX)
        more = {"Link": f'<{self.base}/next?start={start + limit}>; rel="next", <{self.base}/x>; rel="last"'}
        headers: dict[str, Any] = more if start + limit < len(found) else {}
        body = json.dumps(found[start : start + limit]).encode()
        await self._answer(body, **headers)(request, writer)
        if self.on_page:
            self.put(self.on_page.pop(0))

    async def _deleted(self, request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        since = int(parse_qs(urlsplit(request.path).query)["since"][0])
        gone = [name for name, version in self.deleted.items() if version > since]
        body = json.dumps({"collections": [], "searches": [], "items": gone, "tags": []}).encode()
        await self._answer(body)(request, writer)

    async def _collections(self, request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        query = {
            name: int(values[0])
            for name, values in parse_qs(urlsplit(request.path).query).items()
            if name != "format" and name != "sort"
        }
        named = sorted(self.collections.items(), key=lambda one: one[1])[
            query["start"] : query["start"] + query["limit"]
        ]
        found = [{"key": key, "data": {"key": key, "name": title, "parentCollection": False}} for key, title in named]
        await self._answer(json.dumps(found).encode())(request, writer)

    async def _add(self, request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        """Answer `POST …/items`: 428 without a version, 412 if it is old, else the result of each item."""
        assert request.method == "POST"
        unchanged, items = request.headers.get("if-unmodified-since-version"), json.loads(request.body)
        if not self.may_write:
            await says(b"Write access denied", 403)(request, writer)
        elif unchanged is None:
            await says(b"If-Unmodified-Since-Version not provided", 428)(request, writer)
        elif int(unchanged) < self.version:
            await self._answer(b"Library has been modified since specified version", 412)(request, writer)
        elif len(items) > WRITTEN_MAX:
            await says(b"Cannot add more than 50 items at a time", 413)(request, writer)
        else:
            results = [(str(place), item, self._refusal(item)) for place, item in enumerate(items)]
            self.version += any(code is None for _, _, code in results)
            for _, item, code in results:
                if code is None:
                    self._store(item)
            keys = {place: item["key"] for place, item, code in results if code is None}
            failed = {
                place: {"key": item.get("key"), "code": code, "message": "No"} for place, item, code in results if code
            }
            successful = {place: self.items[key] for place, key in keys.items()}
            said = {"successful": successful, "success": keys, "unchanged": {}, "failed": failed}
            await self._answer(json.dumps(said).encode())(request, writer)

    def _refusal(self, item: dict[str, Any]) -> int | None:
        if item["title"] in self.refused:
            return self.refused[item["title"]]
        if item.keys() - TEMPLATES.get(item["itemType"], set()) or not ITEM_KEY.fullmatch(item["key"]):
            return 400
        if any(set(maker) not in _CREATORS for maker in item["creators"]) or any(
            len(t["tag"]) > 255 for t in item["tags"]
        ):
            return 400
        if item["key"] in self.items and item["version"] == 0:
            return 412
        return 409 if set(item.get("collections", [])) - self.collections.keys() else None

    def _store(self, item: dict[str, Any]) -> None:
        data = {**item, "version": self.version, "dateAdded": "2026-11-24T08:00:00Z"}
        self.items[item["key"]] = {"key": item["key"], "version": self.version, "data": data}
        self.added.append(item)

    async def _rights(self, request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        user = {"library": True, "files": True, "notes": True, **({"write": True} if self.may_write else {})}
        access = {"user": user, "groups": {"all": {"library": True, "write": self.may_write_groups}}}
        body = json.dumps({"key": self.key, "userID": 12, "username": "ada", "access": access}).encode()
        await self._answer(body)(request, writer)


@contextmanager
def in_thread() -> Iterator[Zotero]:
    """Run the server in a thread, for tests that are not coroutines."""
    loop, up, made = asyncio.new_event_loop(), threading.Event(), list[Zotero]()
    over = asyncio.Event()

    async def serve() -> None:
        async with serve_http() as served:
            made.append(Zotero(served))
            up.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    up.wait()
    try:
        yield made[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def stuck_saving(db: Database, subscriber: int, now: datetime, problem: SavingProblem) -> None:
    """Store a library into which saved papers do not get."""
    saving = Saving(collection="ABCD2345", title="To read", problem=problem, paper="A paper about ponds")
    new = LibraryLink(subscriber, LibraryProvider.ZOTERO, "users/12", b"sealed", may_write=True, saving=saving)
    with db.write() as session:
        libraries.link(session, new, now)


def former_orcid(db: Database, subscriber: int, now: datetime, *papers: str) -> None:
    """Store a library at ORCID, which an earlier version linked and read."""
    new = LibraryLink(subscriber, LibraryProvider.ORCID, CARBERRY, None, may_write=False)
    with db.write() as session:
        libraries.link(session, new, now)
        (library,) = libraries.of(session, subscriber)
        entries = [LibraryEntry(library.key, paper, PaperId(paper), "", EntryStatus.LIKED) for paper in papers]
        libraries.write_entries(session, [], entries)


_CREATORS = ({"creatorType", "firstName", "lastName"}, {"creatorType", "name"})


def _data(item: Mapping[str, object]) -> Mapping[str, object]:
    data = item["data"]
    assert isinstance(data, dict)
    return data
