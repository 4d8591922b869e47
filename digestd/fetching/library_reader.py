"""Read one consistent version of a subscriber's library at Zotero, and add items to it, within limits."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed, SourceUnavailable
from digestd.fetching.answer_parser import AnswerParser
from digestd.fetching.credentials import Credential
from digestd.fetching.fetch import Answer, Client, Fetcher, Limits
from digestd.fetching.host_scheduler import RefusedError
from digestd.sources.imports.zotero import (
    COLLECTIONS_MAX,
    PER_PAGE,
    KeyRights,
    ZoteroLibrary,
    collections_request,
    key_request,
    parse_collections,
    parse_key_rights,
    parse_written,
    write_request,
)
from digestd.sources.json_records import JsonObject
from digestd.sources.source import RateLimit, Request
from digestd.store.database import Database

LIMITS = Limits(wire=8_000_000, body=32_000_000, attempts=3)
"""Maximum size of one answer."""
PAGES_MAX = 60
BYTES_MAX = 64_000_000
SECONDS = 600.0
TRIES = 3
"""Maximum number of restarts for a library that changes while it is read."""
WRITING_LIMITS = replace(LIMITS, wire=2_000_000, body=2_000_000)
"""An answer to new items repeats them, and is read without a parser process."""
INTERACTIVE_LIMITS = Limits(seconds=10, wire=200_000, body=200_000, attempts=1, patience=5)
"""Time limit of a request that a person waits for."""
KEY_HEADER = "Zotero-API-Key"
_NO_KEY = frozenset({401, 403})
_NO_LIBRARY = frozenset({404, 410})


class KeyRefused(SourceFailed):
    """The provider refuses the key."""


class LibraryGone(SourceFailed):
    """The library does not exist."""


class _ChangedError(Exception):
    """The library changed between two pages."""


class _OlderError(Exception):
    """The library has an earlier version than was read. Its provider restored or emptied it."""


@dataclass(frozen=True, slots=True)
class LibraryListing:
    """Entries of a library, or its changes. `is_complete`: entries that are not listed were removed."""

    sightings: tuple[Sighting, ...]
    version: int
    is_complete: bool


def fetcher_with_key(
    db: Database, client: Client, clock: Callable[[], datetime], base: str, key: str, limits: Limits = LIMITS
) -> Fetcher:
    """Return a fetcher with a subscriber's key for the host of `base`. Redirects never carry the key."""
    known = {urlsplit(base).hostname or "": Credential(KEY_HEADER, key)}
    return Fetcher(db, replace(client, limits=limits, credentials=known), clock)


async def fetch_key_rights(fetcher: Fetcher, base: str) -> KeyRights:
    """Return the rights of a Zotero key.

    Raises KeyRefused for an unknown key, SourceFailed.

    The answer is a few lines of JSON of the host that gives the keys, so it is read here.
    """
    try:
        answer = await _fetch(fetcher, key_request(base), RateLimit(urlsplit(base).netloc, 0))
    except LibraryGone as error:
        raise KeyRefused("there is no such key") from error
    return parse_key_rights(answer.body or b"")


async def fetch_collections(fetcher: Fetcher, library: ZoteroLibrary) -> dict[str, str]:
    """Return the titles of a library's collections by key, at most COLLECTIONS_MAX.

    Raises KeyRefused, LibraryGone, SourceFailed.
    """
    found: dict[str, str] = {}
    for start in range(0, COLLECTIONS_MAX, PER_PAGE):
        request = collections_request(library.base, library.library_id, start)
        answer = await _fetch(fetcher, request, RateLimit(urlsplit(library.base).netloc, 0))
        page = parse_collections(answer.body or b"")
        found |= page
        if len(page) < PER_PAGE:
            break
    return found


async def add_items(fetcher: Fetcher, library: ZoteroLibrary, items: Sequence[JsonObject]) -> list[int]:
    """Add items to a library that has not changed since it was read, and return the status of each.

    Raises RefusedError if all are refused, with 412 if the library has changed; HostUnavailableError, SourceFailed.
    """
    request = write_request(library.base, library.library_id, library.since, items)
    answer = await fetcher.fetch(request, library.rate_limit)
    return parse_written(answer.body or b"", len(items))


async def read_library(fetcher: Fetcher, library: ZoteroLibrary) -> LibraryListing | None:
    """Return the changes of a library since its version, or all of it; None if nothing changed.

    Raises KeyRefused, LibraryGone, HostUnavailableError if the provider asks for a pause, SourceFailed.
    """
    try:
        async with asyncio.timeout(SECONDS), AnswerParser() as reader:
            for _ in range(TRIES):
                try:
                    return await _read(fetcher, reader, library)
                except _ChangedError:
                    continue
                except _OlderError:
                    library = replace(library, since=0)
    except TimeoutError as error:
        raise SourceUnavailable(f"the library was not read within {SECONDS:g} s") from error
    raise SourceUnavailable("the library keeps changing while it is read")


async def _read(fetcher: Fetcher, reader: AnswerParser, library: ZoteroLibrary) -> LibraryListing | None:
    sightings: list[Sighting] = []
    cursor, size, version = None, 0, None
    for _ in range(PAGES_MAX):
        answer = await _fetch(fetcher, library.request(cursor), library.rate_limit)
        if answer.body is None:
            _refuse_older(_version(answer.headers) or library.since, library.since)
            return None
        version = _agreed(version, _version(answer.headers), library.since)
        size += len(answer.body)
        if size > BYTES_MAX:
            raise SourceFailed(f"the library is larger than {BYTES_MAX // 1_000_000} MB")
        sightings += (await reader.parse(library, answer.body, cursor)).sightings
        cursor = library.next_cursor(cursor, answer.headers)
        if cursor is None:
            return LibraryListing(tuple(sightings), version, library.is_complete)
    raise SourceFailed(f"the library does not end within {PAGES_MAX} answers")


async def _fetch(fetcher: Fetcher, request: Request, rate_limit: RateLimit) -> Answer:
    try:
        return await fetcher.fetch(request, rate_limit)
    except RefusedError as error:
        host = rate_limit.host.partition(":")[0]
        if error.status in _NO_KEY:
            raise KeyRefused(f"{host} refuses the key ({error.status})") from error
        if error.status in _NO_LIBRARY:
            raise LibraryGone(f"{host} has no such library ({error.status})") from error
        raise SourceFailed(f"{host} answers {error.status}") from error


def _version(headers: Mapping[str, str]) -> int:
    """Return the version of the library that an answer states, or 0."""
    version = headers.get("last-modified-version", "")
    return int(version) if version.isascii() and version.isdecimal() and len(version) < len(str(2**62)) else 0


def _refuse_older(version: int, since: int) -> None:
    if version < since:
        raise _OlderError


def _agreed(before: int | None, version: int, since: int) -> int:
    if before is not None and version != before:
        raise _ChangedError
    _refuse_older(version, since)
    return version
