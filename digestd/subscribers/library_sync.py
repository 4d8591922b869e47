"""Libraries at Zotero and ORCID: linked by their owners, read on a schedule, each by one reader at a time.

A key is sealed before it is stored and opened only to be sent to its keeper. One that is refused is tried no more,
and its owner is told by their settings; whatever may pass is tried again later.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Self

import structlog

from digestd.domain.backoff import Backoff
from digestd.domain.library import Keeper, Library, Settled, Standing
from digestd.domain.paper import Sighting
from digestd.domain.reference import reference_of
from digestd.errors import BadRecord, SourceFailed
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
from digestd.security.encryption import Unopenable, is_by_current, seal, unseal
from digestd.security.links import Keys
from digestd.settings import Settings
from digestd.sources.libraries import LIBRARY_ID_PARSERS, LIBRARY_SOURCES, LibrarySource
from digestd.sources.libraries.zotero import KEY_MAX
from digestd.store import libraries
from digestd.store.database import Database
from digestd.store.libraries import NewLibrary
from digestd.subscribers.libraries import LibraryContents, link, take_up

USE = "library"
"""What keys are sealed for."""
PER_TICK = 20
"""So many libraries are read before an end can be asked for."""
BACKOFF = Backoff.doubling(timedelta(minutes=15), timedelta(days=1))
LEFT_ALONE = timedelta(minutes=5)
"""How long a library waits whose keeper asked to be left alone."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Libraries:
    """What linking and reading are handed. `bases`: each keeper's API. `every`: how often a library is read."""

    db: Database
    keys: Keys
    client: Client
    clock: Callable[[], datetime]
    bases: Mapping[Keeper, str]
    every: timedelta

    @classmethod
    def of(cls, settings: Settings, db: Database, keys: Keys, client: Client, clock: Callable[[], datetime]) -> Self:
        """As the settings say."""
        bases = {Keeper.ZOTERO: settings.zotero_url, Keeper.ORCID: settings.orcid_url}
        return cls(db, keys, client, clock, bases, timedelta(hours=settings.library_sync_hours))


async def link_zotero(by: Libraries, subscriber: int, key: str, written: str) -> NewLibrary:
    """Link the library that a key is for, or the one that is named; what was linked.

    Raises BadRecord for a key or a library that will not do, SourceFailed where Zotero does not answer.
    """
    key = key.strip()
    if not (key.isascii() and key.isalnum() and len(key) <= KEY_MAX):
        raise BadRecord("key", "a key of Zotero is one word of letters and digits; copy it anew")
    try:
        rights = await fetch_key_rights(by.db, by.client, by.clock, by.bases[Keeper.ZOTERO], key)
    except KeyRefused as error:
        raise BadRecord("key", "Zotero does not know this key; copy it anew, or make another") from error
    is_own = written.strip() in {"", rights.user, rights.user.partition("/")[2]}
    place = rights.user if is_own else LIBRARY_ID_PARSERS[Keeper.ZOTERO](written)
    if place.startswith("users/") and place != rights.user:
        raise BadRecord("place", "the key is of another user; leave the library empty, or name a group")
    if place == rights.user and not rights.may_read_own:
        raise BadRecord("key", "this key may not read the library; allow it at zotero.org/settings/keys")
    sealed = seal(by.keys, USE, _owner(subscriber, Keeper.ZOTERO, place), key)
    new = NewLibrary(subscriber, Keeper.ZOTERO, place, sealed, rights.may_write)
    await asyncio.to_thread(link, by.db, new, by.clock())
    return new


def link_orcid(by: Libraries, subscriber: int, written: str) -> NewLibrary:
    """Link the works of an ORCID iD; what was linked. Raises BadRecord for what is none."""
    new = NewLibrary(subscriber, Keeper.ORCID, LIBRARY_ID_PARSERS[Keeper.ORCID](written), None, may_write=False)
    link(by.db, new, by.clock())
    return new


async def sync_due(by: Libraries) -> int:
    """Read the libraries that are due, one after the other; how many were taken."""
    for taken in range(PER_TICK):
        claimed = await asyncio.to_thread(_claim, by, None)
        if claimed is None:
            return taken
        becomes = await sync(by, claimed)
        if becomes.why:
            log.warning("a library was not read", number=claimed.key, why=becomes.why)
    return PER_TICK


async def sync_now(by: Libraries, library: int) -> Library | None:
    """Read one library whether it is due or not; as it is then, None where somebody else reads it or nobody may."""
    claimed = await asyncio.to_thread(_claim, by, library)
    return None if claimed is None else await sync(by, claimed)


async def sync(by: Libraries, claimed: Library) -> Library:
    """Read a library that was claimed, and let it count; as it is then. What goes wrong is written down, not raised."""
    try:
        key = _opened(by, claimed)
        listing = await _listing(by, claimed, key)
    except (SourceFailed, Unopenable) as error:
        becomes = _failed(by, claimed, error)
        await asyncio.to_thread(take_up, by.db, claimed, becomes, None, by.clock())
        return becomes
    becomes = _read(by, claimed, listing, key)
    settled = await asyncio.to_thread(_count, by, claimed, becomes, listing)
    if settled is not None:
        log.info("library read", number=claimed.key, added=settled.added, taken=settled.taken)
    return becomes


def _claim(by: Libraries, only: int | None) -> Library | None:
    with by.db.write() as session:
        return libraries.claim(session, by.clock(), only)


def _opened(by: Libraries, claimed: Library) -> str | None:
    if claimed.sealed is None:
        return None
    return unseal(by.keys, USE, _owner(claimed.subscriber, claimed.keeper, claimed.place), claimed.sealed)


async def _listing(by: Libraries, claimed: Library, key: str | None) -> LibraryListing | None:
    base = by.bases[claimed.keeper]

    def shelf(since: int) -> LibrarySource:
        return LIBRARY_SOURCES[claimed.keeper](base, claimed.place, since)

    async with fetcher_with_key(by.db, by.client, by.clock, base, key) as fetcher:
        return await read_library(fetcher, shelf, claimed.version)


def _failed(by: Libraries, claimed: Library, error: SourceFailed | Unopenable) -> Library:
    """The library as it stands after a failure."""
    now = by.clock()
    if isinstance(error, HostUnavailableError):
        return replace(claimed, next=now + LEFT_ALONE, why=str(error))
    if isinstance(error, KeyRefused | Unopenable):
        return replace(claimed, next=now, standing=Standing.REFUSED, why=str(error))
    if isinstance(error, LibraryGone):
        return replace(claimed, next=now, standing=Standing.GONE, why=str(error))
    failures = claimed.failures + 1
    return replace(claimed, next=now + BACKOFF.delay(failures), failures=failures, why=str(error))


def _read(by: Libraries, claimed: Library, listing: LibraryListing | None, key: str | None) -> Library:
    """The library once it is read; a key that a retired secret sealed is sealed anew."""
    now, sealed = by.clock(), claimed.sealed
    if key is not None and sealed is not None and not is_by_current(by.keys, sealed):
        sealed = seal(by.keys, USE, _owner(claimed.subscriber, claimed.keeper, claimed.place), key)
    version = claimed.version if listing is None else listing.version
    again = {"standing": Standing.LINKED, "failures": 0, "why": ""}
    return replace(claimed, sealed=sealed, version=version, synced=now, next=now + by.every, **again)  # type: ignore[arg-type]  # each is of its field's type


def _count(by: Libraries, claimed: Library, becomes: Library, listing: LibraryListing | None) -> Settled | None:
    now = by.clock()
    read = None if listing is None else _named(listing, now)
    return take_up(by.db, claimed, becomes, read, now)


def _named(listing: LibraryListing, now: datetime) -> LibraryContents:
    """Return the entries as references of the library's owner."""
    stand = [sighting for sighting in listing.sightings if not sighting.withdrawn]
    return LibraryContents(
        entries={_entry(one): (reference_of(replace(one, ids=one.ids[1:])), _day(one.day, now)) for one in stand},
        gone=frozenset(_entry(one) for one in listing.sightings if one.withdrawn),
        is_whole=listing.is_complete,
    )


def _day(day: date | None, now: datetime) -> str:
    """A day as it is kept: none that is still to come, beside which all others would look old."""
    return "" if day is None else min(day, now.date()).isoformat()


def _entry(sighting: Sighting) -> str:
    return sighting.ids[0].partition(":")[2]


def _owner(subscriber: int, keeper: Keeper, place: str) -> str:
    """Whose key it is and for what: as any other it does not open."""
    return f"{subscriber}:{keeper}:{place}"
