"""Zotero: an answer of its API, an exported library, and libraries read and added to by its web API 3.

https://www.zotero.org/support/dev/web_api/v3/basics, …/v3/syncing and …/v3/write_requests. Attachments, notes and
annotations are skipped.

Of a library, the first identifier of each sighting is Zotero's own, as `entry:…`; `day` is when the entry was added,
and a removed entry is `withdrawn`. First the changes since a version of the library, then the deletions since. Trashed
items are listed among the changed ones. On the first read the newest entries come first, so that a very large library
loses its oldest ones.

New items are written only if the library has not changed since it was read, and under keys that no item may have yet.
So a request that is sent twice adds nothing twice, and no item is ever changed.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from digestd.domain.paper import PaperId, Sighting, Words
from digestd.errors import BadRecord, SourceFailed
from digestd.sources import json_records
from digestd.sources.dates import iso_day, written_date
from digestd.sources.identifiers import find_arxiv_id, find_doi, find_noted_doi, parse_identifier
from digestd.sources.imports.json_formats import load_json, read_items, text_in
from digestd.sources.imports.reference import make_reference
from digestd.sources.json_records import (
    JsonObject,
    list_at,
    load_object,
    object_at,
    objects_at,
    read_records,
    text_at,
    text_values,
)
from digestd.sources.source import Page, RateLimit, Request
from digestd.text.markup import jats_to_text

_NO_PAPERS = frozenset({"attachment", "note", "annotation"})
_AUTHORS = frozenset({"", "author", "inventor", "presenter"})
HEADERS = {"Zotero-API-Version": "3", "Accept": "application/json"}
SECONDS = 0.5
PER_PAGE = 100
ENTRIES_MAX = 5_000
"""So many entries are read at once, the newest; of a larger library the others do not count."""
KEY_MAX = 100
COLLECTIONS_MAX = 300
WRITTEN_MAX = 25
"""So many items are written at once. Zotero takes 50, and answers with all of them."""
_DELETED = "deleted"
_KEY = re.compile(r"[A-Z0-9]{8}")
_PLACE = re.compile(
    r"(?:(?:https?://)?(?:www\.|api\.)?zotero\.org/)?(users|groups)/(\d{1,15})(?:[/?#].*)?", re.IGNORECASE
)


def matches(written: str) -> bool:
    items = _items(written)
    first = items[0] if isinstance(items, list) and items else None
    return isinstance(first, dict) and "itemType" in item_data(first)


def read(written: str) -> Page:
    return read_items(_items(written), sightings_of, "JSON of Zotero")


def _items(written: str) -> object:
    found = load_json(written)
    if isinstance(found, dict):
        return found.get("items", [found])
    return found


def item_data(item: JsonObject) -> JsonObject:
    """Return an item's data, which exports do not wrap."""
    return object_at(item, "data") if isinstance(item.get("data"), dict) else item


def sightings_of(item: JsonObject) -> Iterator[Sighting]:
    """Yield the paper of an item, unless it is no paper. Raises BadRecord."""
    data = item_data(item)
    if text_in(data, "itemType") in _NO_PAPERS:
        return
    tags = [text_in(tag, "tag") for tag in objects_at(data, "tags")] + text_values(data.get("tags"))
    urls, notes = ("archiveID", "url", "number"), ("extra", "archiveID", "number")
    yield make_reference(
        jats_to_text(text_in(data, "title")),
        jats_to_text(text_in(data, "abstractNote")),
        [_name(maker) for maker in objects_at(data, "creators") if text_in(maker, "creatorType") in _AUTHORS],
        [text_in(data, "publicationTitle"), *tags],
        [
            find_doi(text_in(data, "DOI")),
            *(parse_identifier(text_in(data, key)) for key in urls),
            *(find_noted_doi(text_in(data, key)) for key in notes),
            *(find_arxiv_id(text_in(data, key)) for key in notes),
        ],
        written_date(text_in(data, "date")),
    )


def _name(maker: JsonObject) -> str:
    return text_in(maker, "name") or f"{text_in(maker, 'firstName')} {text_in(maker, 'lastName')}"


# Libraries


@dataclass(frozen=True, slots=True)
class ZoteroLibrary:
    """A library at the API at `base`, read from version `since`; 0 reads everything."""

    base: str
    library_id: str
    since: int = 0

    @property
    def rate_limit(self) -> RateLimit:
        """Return two requests per second. Zotero publishes no number but asks for few at once."""
        return RateLimit(urlsplit(self.base).netloc, SECONDS)

    @property
    def is_complete(self) -> bool:
        """Return True if the answers list every entry, so that unlisted ones are gone: not if they list changes."""
        return self.since == 0

    def request(self, cursor: str | None) -> Request:
        """Return the request for a page; only the first one is conditional."""
        at = f"{self.base}/{self.library_id}"
        if cursor == _DELETED:
            return Request(f"{at}/deleted?since={self.since}", HEADERS)
        parameters = f"format=json&limit={PER_PAGE}&start={cursor or 0}&sort=dateAdded&direction=desc"
        if self.is_complete:
            return Request(f"{at}/items/top?{parameters}", HEADERS)
        unchanged = {} if cursor else {"If-Modified-Since-Version": str(self.since)}
        return Request(f"{at}/items/top?{parameters}&since={self.since}&includeTrashed=1", {**HEADERS, **unchanged})

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse a page of items, or the deletions."""
        if cursor == _DELETED:
            keys = [key for key in list_at(load_object(body), "items") if isinstance(key, str) and _KEY.fullmatch(key)]
            return Page(tuple(_removed(key) for key in keys))
        papers, rejects = read_records(_load_list(body), _entries)
        return Page(tuple(papers), None, tuple(rejects))

    def next_cursor(self, cursor: str | None, headers: Mapping[str, str]) -> str | None:
        """Return the next cursor. The address in `Link` is not followed: it only shows that there is more."""
        if cursor == _DELETED:
            return None
        start = int(cursor or 0) + PER_PAGE
        has_next = "rel=next" in headers.get("link", "").replace('"', "")
        if has_next and start < ENTRIES_MAX:
            return str(start)
        return None if self.is_complete else _DELETED


@dataclass(frozen=True, slots=True)
class KeyRights:
    """Rights of a key. Whose it is, which libraries it can write, and whether it can read its owner's.

    `writable` has the names of libraries, and `groups/all` for all groups.
    """

    user: str
    writable: frozenset[str]
    may_read_own: bool

    def may_write(self, library: str) -> bool:
        return library in self.writable or (library.startswith("groups/") and "groups/all" in self.writable)


def parse_library_id(written: str) -> str:
    """Return the library of `users/12`, `groups/3` or a zotero.org address.

    A bare number is a group.

    Raises BadRecord.
    """
    written = written.strip()
    found = _PLACE.fullmatch(f"groups/{written}" if re.fullmatch(r"\d{1,15}", written) else written[:300])
    if found is None:
        raise BadRecord("place", f"{written[:40]!r} is not a library at Zotero; write it like groups/12345")
    return f"{found[1].lower()}/{int(found[2])}"


def key_request(base: str) -> Request:
    return Request(f"{base}/keys/current", HEADERS)


def parse_key_rights(body: bytes) -> KeyRights:
    """Parse the rights of a key. Raises SourceFailed."""
    found = load_object(body)
    try:
        access = object_at(found, "access")
        user, groups = object_at(access, "user"), object_at(access, "groups")
        shared = {f"groups/{name}": object_at(groups, name) for name in groups}
    except BadRecord as problem:
        raise SourceFailed(f"the answer does not say what the key may do ({problem})") from problem
    number = found.get("userID")
    if not isinstance(number, int | str) or not re.fullmatch(r"\d{1,15}", str(number)):
        raise SourceFailed("the answer does not say whose key it is")
    libraries = {f"users/{number}": user, **shared}
    writable = frozenset(name for name, rights in libraries.items() if rights.get("write") is True)
    return KeyRights(f"users/{number}", writable, user.get("library") is True)


def collections_request(base: str, library_id: str, start: int) -> Request:
    return Request(f"{base}/{library_id}/collections?format=json&limit={PER_PAGE}&start={start}&sort=title", HEADERS)


def parse_collections(body: bytes) -> dict[str, str]:
    """Return the titles of collections by key. Raises SourceFailed."""
    data = [item_data(one) for one in _load_list(body)[:PER_PAGE] if isinstance(one, dict)]
    return {key: text_in(one, "name") for one in data if _KEY.fullmatch(key := text_in(one, "key"))}


def _load_list(body: bytes) -> list[object]:
    found = json_records.load_json(body)
    if not isinstance(found, list):
        raise SourceFailed(f"the answer is not a list but a {type(found).__name__}; its format has changed")
    return found


def write_request(base: str, library_id: str, version: int, items: Sequence[JsonObject]) -> Request:
    """Return the request to add items to a library that has not changed since a version."""
    unchanged = {"If-Unmodified-Since-Version": str(version)}
    return Request(f"{base}/{library_id}/items", {**HEADERS, **unchanged}, body=json.dumps(items).encode())


def parse_written(body: bytes, count: int) -> list[int]:
    """Return the status of each item that was to be added: 200, or why not; 0 if unknown. Raises SourceFailed."""
    found = load_object(body)
    try:
        failed, added = object_at(found, "failed"), {**object_at(found, "successful"), **object_at(found, "unchanged")}
    except BadRecord as problem:
        raise SourceFailed(f"the answer does not say what was added ({problem})") from problem
    statuses = []
    for place in map(str, range(count)):
        why = failed.get(place)
        status = why.get("code") if isinstance(why, dict) else 200 if place in added else 0
        statuses.append(status if isinstance(status, int) else 0)
    return statuses


def _entries(item: JsonObject) -> Iterator[Sighting]:
    data = item_data(item)
    key = text_at(item, "key") or text_at(data, "key")
    if not _KEY.fullmatch(key):
        raise BadRecord("key", "is not a key of a Zotero item")
    if data.get("deleted"):
        yield _removed(key)
        return
    for paper in sightings_of(item):
        yield replace(paper, ids=(_entry_id(key), *paper.ids), day=iso_day(text_at(data, "dateAdded")))


def _removed(key: str) -> Sighting:
    return Sighting((_entry_id(key),), Words(""), withdrawn=True)


def _entry_id(key: str) -> PaperId:
    """Return the key of an item as an identifier next to those of its paper."""
    return PaperId(f"entry:{key}")
