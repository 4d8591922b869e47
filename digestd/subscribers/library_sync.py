"""Sync libraries at Zotero and ORCID.

Link them, and read them on a schedule, one reader at a time.

API keys are stored encrypted and decrypted only to be sent to their provider. A key that is refused is not tried
again, and the settings page tells its owner. Other failures are retried with backoff.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Self

import structlog

from digestd.domain.backoff import Backoff
from digestd.domain.library import Library, LibraryProvider, LibraryState, LibraryUpdate
from digestd.domain.paper import Sighting
from digestd.domain.reference import reference_of
from digestd.errors import BadRecord, DatabaseUnreachable, SourceFailed
from digestd.fetching.fetch import Client
from digestd.fetching.host_scheduler import HostUnavailableError
from digestd.fetching.library_reader import (
    KeyRefused,
    LibraryGone,
    LibraryListing,
    fetch_key_rights,
    fetcher_with_key,
    read_library,
)
from digestd.security.encryption import DecryptionError, decrypt, encrypt, is_encrypted_by_current
from digestd.security.links import Keys
from digestd.settings import Settings
from digestd.sources.libraries import LIBRARY_ID_PARSERS, LIBRARY_SOURCES, LibrarySource
from digestd.sources.libraries.zotero import KEY_MAX
from digestd.store import libraries
from digestd.store.database import Database
from digestd.store.libraries import NewLibrary
from digestd.subscribers.libraries import LibraryContents, apply_contents, link

USE = "library"
"""The purpose that keys are encrypted for."""
PER_TICK = 20
"""The maximum number of libraries per tick, so that a shutdown does not wait long."""
BACKOFF = Backoff.doubling(timedelta(minutes=15), timedelta(days=1))
BUSY_DELAY = timedelta(minutes=5)
"""The delay before reading a library whose provider is not to be asked now."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LibrarySync:
    """The parts that linking and reading need.

    Attributes:
        api_urls: the base URL of each provider's API.
        every: the interval between two reads of a library.
    """

    db: Database
    keys: Keys
    client: Client
    clock: Callable[[], datetime]
    api_urls: Mapping[LibraryProvider, str]
    every: timedelta

    @classmethod
    def of(cls, settings: Settings, db: Database, keys: Keys, client: Client, clock: Callable[[], datetime]) -> Self:
        """Return the parts by the settings."""
        api_urls = {LibraryProvider.ZOTERO: settings.zotero_url, LibraryProvider.ORCID: settings.orcid_url}
        return cls(db, keys, client, clock, api_urls, timedelta(hours=settings.library_sync_hours))


async def link_zotero(context: LibrarySync, subscriber: int, key: str, written: str) -> NewLibrary:
    """Link the library that an API key belongs to, or another one that it may read.

    Args:
        written: the library as the subscriber entered it; empty for the key's own.

    Raises:
        BadRecord: the key or the library is invalid; the message says what to do.
        SourceFailed: Zotero does not answer.
    """
    key = key.strip()
    if not (key.isascii() and key.isalnum() and len(key) <= KEY_MAX):
        raise BadRecord("key", "a Zotero key has only letters and digits; copy it again")
    try:
        rights = await fetch_key_rights(
            context.db, context.client, context.clock, context.api_urls[LibraryProvider.ZOTERO], key
        )
    except KeyRefused as error:
        raise BadRecord("key", "Zotero does not know this key; copy it again, or make another") from error
    is_own = written.strip() in {"", rights.user, rights.user.partition("/")[2]}
    place = rights.user if is_own else LIBRARY_ID_PARSERS[LibraryProvider.ZOTERO](written)
    if place.startswith("users/") and place != rights.user:
        raise BadRecord("place", "the key belongs to another user; leave the library empty, or name a group")
    if place == rights.user and not rights.may_read_own:
        raise BadRecord("key", "this key may not read the library; allow it at zotero.org/settings/keys")
    sealed = encrypt(context.keys, USE, _key_context(subscriber, LibraryProvider.ZOTERO, place), key)
    new = NewLibrary(subscriber, LibraryProvider.ZOTERO, place, sealed, rights.may_write)
    await asyncio.to_thread(link, context.db, new, context.clock())
    return new


def link_orcid(context: LibrarySync, subscriber: int, written: str) -> NewLibrary:
    """Link the works of an ORCID iD. Raises BadRecord if it is invalid."""
    new = NewLibrary(
        subscriber, LibraryProvider.ORCID, LIBRARY_ID_PARSERS[LibraryProvider.ORCID](written), None, may_write=False
    )
    link(context.db, new, context.clock())
    return new


async def sync_due(context: LibrarySync) -> int:
    """Read the libraries that are due, one after the other.

    Return how many were read.
    """
    for taken in range(PER_TICK):
        claimed = await asyncio.to_thread(_claim, context, None)
        if claimed is None:
            return taken
        becomes = await sync(context, claimed)
        if becomes.why:
            log.warning("library not read", number=claimed.key, why=becomes.why)
    return PER_TICK


async def sync_now(context: LibrarySync, library: int) -> Library | None:
    """Read one library now, and return it as it is afterwards.

    None if another reader has it or it no longer exists.
    """
    claimed = await asyncio.to_thread(_claim, context, library)
    return None if claimed is None else await sync(context, claimed)


async def sync(context: LibrarySync, claimed: Library) -> Library:
    """Read a claimed library, apply it, and return it.

    A failure is recorded in the library, not raised.
    """
    try:
        return await _sync(context, claimed)
    except DatabaseUnreachable:
        raise
    except (SourceFailed, DecryptionError) as error:
        becomes = _failed(context, claimed, error)
    except Exception as error:  # one odd library must not stop the others
        log.exception("a library cannot be read", number=claimed.key, kind=type(error).__name__)
        becomes = _failed(context, claimed, SourceFailed(f"the answer cannot be read ({type(error).__name__})"))
    await asyncio.to_thread(apply_contents, context.db, claimed, becomes, None, context.clock())
    return becomes


async def _sync(context: LibrarySync, claimed: Library) -> Library:
    key = _decrypted_key(context, claimed)
    listing = await _listing(context, claimed, key)
    becomes = _succeeded(context, claimed, listing, key)
    update = await asyncio.to_thread(_apply, context, claimed, becomes, listing)
    if update is not None:
        log.info("library read", number=claimed.key, added=update.added, removed=update.removed)
    return becomes


def _claim(context: LibrarySync, only: int | None) -> Library | None:
    with context.db.write() as session:
        return libraries.claim(session, context.clock(), only)


def _decrypted_key(context: LibrarySync, claimed: Library) -> str | None:
    if claimed.sealed is None:
        return None
    return decrypt(context.keys, USE, _key_context(claimed.subscriber, claimed.provider, claimed.place), claimed.sealed)


async def _listing(context: LibrarySync, claimed: Library, key: str | None) -> LibraryListing | None:
    base = context.api_urls[claimed.provider]

    def shelf(since: int) -> LibrarySource:
        return LIBRARY_SOURCES[claimed.provider](base, claimed.place, since)

    async with fetcher_with_key(context.db, context.client, context.clock, base, key) as fetcher:
        return await read_library(fetcher, shelf, claimed.version)


def _failed(context: LibrarySync, claimed: Library, error: SourceFailed | DecryptionError) -> Library:
    """Return the library after a failure."""
    now = context.clock()
    if isinstance(error, HostUnavailableError):
        return replace(claimed, next=now + BUSY_DELAY, why=str(error))
    if isinstance(error, KeyRefused | DecryptionError):
        return replace(claimed, next=now, state=LibraryState.REFUSED, why=str(error))
    if isinstance(error, LibraryGone):
        return replace(claimed, next=now, state=LibraryState.GONE, why=str(error))
    failures = claimed.failures + 1
    return replace(claimed, next=now + BACKOFF.delay(failures), failures=failures, why=str(error))


def _succeeded(context: LibrarySync, claimed: Library, listing: LibraryListing | None, key: str | None) -> Library:
    """Return the library after it was read.

    A key encrypted with a retired secret is encrypted again.
    """
    now, sealed = context.clock(), claimed.sealed
    if key is not None and sealed is not None and not is_encrypted_by_current(context.keys, sealed):
        sealed = encrypt(context.keys, USE, _key_context(claimed.subscriber, claimed.provider, claimed.place), key)
    version = claimed.version if listing is None else listing.version
    reset = {"state": LibraryState.LINKED, "failures": 0, "why": ""}
    return replace(claimed, sealed=sealed, version=version, synced=now, next=now + context.every, **reset)  # type: ignore[arg-type]  # each is of its field's type


def _apply(
    context: LibrarySync, claimed: Library, becomes: Library, listing: LibraryListing | None
) -> LibraryUpdate | None:
    now = context.clock()
    read = None if listing is None else _contents(listing, now)
    return apply_contents(context.db, claimed, becomes, read, now)


def _contents(listing: LibraryListing, now: datetime) -> LibraryContents:
    """Return a listing's entries as references of the library's owner."""
    current = [sighting for sighting in listing.sightings if not sighting.withdrawn]
    return LibraryContents(
        entries={_entry(one): (reference_of(replace(one, ids=one.ids[1:])), _day(one.day, now)) for one in current},
        removed=frozenset(_entry(one) for one in listing.sightings if one.withdrawn),
        is_complete=listing.is_complete,
    )


def _day(day: date | None, now: datetime) -> str:
    """Return a day as ISO text, today at the latest.

    A future day would rank before all others.
    """
    return "" if day is None else min(day, now.date()).isoformat()


def _entry(sighting: Sighting) -> str:
    return sighting.ids[0].partition(":")[2]


def _key_context(subscriber: int, provider: LibraryProvider, place: str) -> str:
    """Return the context that a key is bound to.

    It cannot be decrypted for another library.
    """
    return f"{subscriber}:{provider}:{place}"
