"""Link subscribers' Zotero libraries, read them on a schedule, and put saved papers there, one reader at a time.

Their entries are applied to the list of liked papers. API keys are stored encrypted and decrypted only to be sent to
Zotero. A key that is refused is not tried again, and the settings page tells its owner. Other failures are retried with
backoff. Saved papers are put there after reading (see `library_saving`); a failure there counts as one. Libraries at
ORCID, which earlier versions read, are no longer read; their papers stay until they are unlinked.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Self

import structlog
from sqlmodel import Session

from digestd.domain.backoff import Backoff
from digestd.domain.interest import Kind
from digestd.domain.library import (
    EntryStatus,
    Library,
    LibraryEntry,
    LibraryLink,
    LibraryProvider,
    LibraryState,
    LibraryUpdate,
    Saving,
    apply_entries,
)
from digestd.domain.paper import PaperId, Sighting
from digestd.domain.reference import Reference, reference_of
from digestd.domain.subscriber import Subscriber
from digestd.errors import BadRecord, DatabaseUnreachable, NotFound, SourceFailed
from digestd.fetching.fetch import Client, Fetcher, Limits
from digestd.fetching.host_scheduler import HostUnavailableError
from digestd.fetching.library_reader import (
    INTERACTIVE_LIMITS,
    LIMITS,
    WRITING_LIMITS,
    KeyRefused,
    LibraryGone,
    LibraryListing,
    fetch_collections,
    fetch_key_rights,
    fetcher_with_key,
    read_library,
)
from digestd.papers.identity import without_shared_dois
from digestd.security.encryption import DecryptionError, decrypt, encrypt, is_encrypted_by_current
from digestd.security.keys import Keys
from digestd.settings import Settings
from digestd.sources.imports.zotero import KEY_MAX, ZoteroLibrary, parse_library_id
from digestd.store import feedback, libraries, references, subscribers
from digestd.store.database import Database
from digestd.store.ledger import restore
from digestd.subscribers.library_saving import (
    add_papers,
    item_key,
    waiting_papers,
)
from digestd.subscribers.lookup import load_locked
from digestd.subscribers.subscriber_record import ITEMS_MAX

USE = "library"
"""The purpose that keys are encrypted for."""
PER_TICK = 20
"""The maximum number of libraries per tick, so that a shutdown does not wait long."""
BACKOFF = Backoff.doubling(timedelta(minutes=15), timedelta(days=1))
SYNC_INTERVAL = timedelta(days=1)
BUSY_DELAY = timedelta(minutes=5)
"""The delay before reading a library whose provider is rate-limited, and after papers were put there."""
COLLECTION_MAX = 100
COLLECTIONS_NAMED = 20
"""So many titles are named to who enters an unknown one."""
LIBRARIES_MAX = 5
"""The maximum number of libraries per subscriber."""
_COLLECTION = re.compile(r"(?:\S*/collections/)?([A-Z0-9]{8})(?:[/?#]\S*)?")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LibrarySync:
    """The parts that linking and reading need.

    Attributes:
        zotero_url: the base URL of Zotero's API.
    """

    db: Database
    keys: Keys
    client: Client
    clock: Callable[[], datetime]
    zotero_url: str

    @classmethod
    def of(cls, settings: Settings, db: Database, keys: Keys, client: Client, clock: Callable[[], datetime]) -> Self:
        return cls(db, keys, client, clock, settings.zotero_url)

    def fetcher(self, key: str, limits: Limits) -> Fetcher:
        """Return a fetcher for Zotero with a subscriber's key."""
        return fetcher_with_key(self.db, self.client, self.clock, self.zotero_url, key, limits)


@dataclass(frozen=True, slots=True)
class LinkedLibrary:
    """A library and the number of its entries by status."""

    library: Library
    counts: Mapping[EntryStatus, int]


@dataclass(frozen=True, slots=True)
class _Contents:
    """The entries that were read from a library, and those that were removed there.

    Attributes:
        entries: reference and ISO day of addition, by entry name.
        removed: names of entries that were removed.
        added: names of entries that digestd added. They are saved here and so no likes of their own.
        is_complete: True if `entries` is the whole library, so that any other entry was removed too.
    """

    entries: Mapping[str, tuple[Reference, str]]
    removed: frozenset[str]
    added: frozenset[str]
    is_complete: bool


class NoSuchCollection(BadRecord):
    """A library has no collection of a name, or several. `titles`: those that it has."""

    def __init__(self, titles: Sequence[str]) -> None:
        names = ", ".join(titles) or "none"
        super().__init__("collection", f"there is no such collection, or more than one; there are: {names}")
        self.titles = titles


async def link_zotero(
    context: LibrarySync, subscriber: int, key: str, written: str, collection: str | None = None
) -> LibraryLink:
    """Link the library that an API key belongs to, or another one that it may read.

    Args:
        written: the library as the subscriber entered it; empty for the key's own.
        collection: where to put saved papers: a collection's title, key or address, or empty for the library itself;
            None to only read.

    Raises:
        BadRecord: the key, the library or the collection is invalid, or the key may not write; the message says what
            to do.
        SourceFailed: Zotero does not answer.
    """
    key = key.strip()
    if not (key.isascii() and key.isalnum() and len(key) <= KEY_MAX):
        raise BadRecord("key", "a Zotero key has only letters and digits; copy it again")
    try:
        async with context.fetcher(key, INTERACTIVE_LIMITS) as fetcher:
            rights = await fetch_key_rights(fetcher, context.zotero_url)
    except KeyRefused as error:
        raise BadRecord("key", "Zotero does not know this key; copy it again, or make another") from error
    is_own = written.strip() in {"", rights.user, rights.user.partition("/")[2]}
    place = rights.user if is_own else parse_library_id(written)
    if place.startswith("users/") and place != rights.user:
        raise BadRecord("place", "the key belongs to another user; leave the library empty, or name a group")
    if place == rights.user and not rights.may_read_own:
        raise BadRecord("key", "this key may not read the library; allow it at zotero.org/settings/keys")
    if collection is not None and not rights.may_write(place):
        raise BadRecord("save", "this key may not write to the library; allow it at zotero.org/settings/keys")
    saving = None if collection is None else await _find_collection(context, place, key, collection)
    sealed = encrypt(context.keys, USE, _key_context(subscriber, LibraryProvider.ZOTERO, place), key)
    new = LibraryLink(subscriber, LibraryProvider.ZOTERO, place, sealed, bool(rights.writable), saving=saving)
    await asyncio.to_thread(_link, context.db, new, context.clock())
    return new


async def _find_collection(context: LibrarySync, place: str, key: str, written: str) -> Saving:
    """Return where to put saved papers. Raises NoSuchCollection."""
    if not (written := written.strip()):
        return Saving()
    library = ZoteroLibrary(context.zotero_url, place)
    try:
        async with context.fetcher(key, INTERACTIVE_LIMITS) as fetcher:
            titles = await fetch_collections(fetcher, library)
    except LibraryGone as error:
        raise BadRecord("place", "there is no such library") from error
    except KeyRefused as error:
        raise BadRecord("place", "the key does not open this library") from error
    named = _COLLECTION.fullmatch(written)
    found = [one for one in titles if named is not None and one == named[1]]
    found = found or [one for one, title in titles.items() if title.casefold() == written.casefold()]
    if len(found) != 1:
        raise NoSuchCollection(tuple(titles.values())[:COLLECTIONS_NAMED])
    return Saving(collection=found[0], title=titles[found[0]][:COLLECTION_MAX])


def _link(db: Database, new: LibraryLink, now: datetime) -> None:
    """Link a library, or replace the key of a linked one; saved papers that still wait for it are not lost.

    Raises:
        BadRecord: LIBRARIES_MAX libraries are linked already.
        NotFound: there is no such subscriber.
    """
    with db.write() as session:
        load_locked(session, new.subscriber)
        linked = {(one.provider, one.place): one.saving for one in libraries.of(session, new.subscriber)}
        before = linked.pop((new.provider, new.place), None)
        if len(linked) >= LIBRARIES_MAX:
            raise BadRecord("most", f"{LIBRARIES_MAX} libraries are linked already; unlink one of them first")
        if new.saving is not None:
            through = before.through if before else feedback.newest_event(session, new.subscriber)
            new = replace(new, saving=new.saving.model_copy(update={"through": through}))
        libraries.link(session, new, now)


def linked_libraries(session: Session, subscriber: int) -> list[LinkedLibrary]:
    """Return the libraries of a subscriber."""
    counted = libraries.counted(session, subscriber)
    return [
        LinkedLibrary(one, {how: counted.get((one.key, how), 0) for how in EntryStatus})
        for one in libraries.of(session, subscriber)
    ]


def own_library(session: Session, subscriber: int, number: int) -> Library:
    """Return a subscriber's library by number. Raises NotFound, also for somebody else's."""
    found = next((one for one in libraries.of(session, subscriber) if one.key == number), None)
    if found is None:
        raise NotFound(f"there is no library number {number}")
    return found


def stop_saving(db: Database, subscriber: int, number: int) -> None:
    """Put no more saved papers into a library, and go on reading it. Raises NotFound."""
    with db.write() as session:
        libraries.stop_saving(session, subscriber, own_library(session, subscriber, number).key)


def unlink(db: Database, subscriber: int, number: int, now: datetime, *, keep: bool) -> Library:
    """Delete a library and its key. Raises NotFound.

    Args:
        keep: True to keep its papers as likes.
    """
    with db.write() as session:
        known = load_locked(session, subscriber)
        library = own_library(session, subscriber, number)
        if not keep:
            before = libraries.entries(session, subscriber)
            _apply(session, known, (before, [entry for entry in before if entry.library != number]), now)
        libraries.unlink(session, number)
        references.delete_unused(session, [subscriber])
    return library


async def sync_due(context: LibrarySync) -> int:
    """Read the libraries that are due, one after the other. Return how many were read."""
    for taken in range(PER_TICK):
        claimed = await asyncio.to_thread(_claim, context, None)
        if claimed is None:
            return taken
        becomes = await sync(context, claimed)
        if becomes.why:
            log.warning("library not synced", number=claimed.key, why=becomes.why)
    return PER_TICK


async def sync_now(context: LibrarySync, library: int) -> Library | None:
    """Read one library now, and return it as it is afterwards.

    None if another reader has it or it no longer exists.
    """
    claimed = await asyncio.to_thread(_claim, context, library)
    return None if claimed is None else await sync(context, claimed)


async def sync(context: LibrarySync, claimed: Library) -> Library:
    """Read a claimed library, apply it, put saved papers there, and return it.

    A failure is recorded in the library, not raised.
    """
    read = await _without_raising(context, claimed, _read)
    if read.why or read.saving is None or await asyncio.to_thread(_is_restored, context.db):
        return read
    return await _without_raising(context, read, _save)


def _is_restored(db: Database) -> bool:
    """Return True for a restored database before `restore --resume`; the one it was copied from may still run."""
    with db.read() as session:
        return restore.restored_from(session) is not None


async def _without_raising(
    context: LibrarySync, claimed: Library, step: Callable[[LibrarySync, Library], Awaitable[Library]]
) -> Library:
    try:
        return await step(context, claimed)
    except DatabaseUnreachable:
        raise
    except (SourceFailed, DecryptionError) as error:
        becomes = _failed(context, claimed, error)
    except Exception as error:  # one odd library must not stop the others
        log.exception("a library cannot be read", number=claimed.key, kind=type(error).__name__)
        becomes = _failed(context, claimed, SourceFailed(f"the answer cannot be read ({type(error).__name__})"))
    await asyncio.to_thread(_apply_contents, context.db, claimed, becomes, None, context.clock())
    return becomes


async def _read(context: LibrarySync, claimed: Library) -> Library:
    """Read a library and apply it. The claim is kept if saved papers may be put there.

    They may not if it became invalid meanwhile: the library was unlinked, linked again, stopped or made due.
    """
    key = _open_key(context, claimed)
    library = ZoteroLibrary(context.zotero_url, claimed.place, claimed.version)
    async with context.fetcher(key, LIMITS) as fetcher:
        listing = await read_library(fetcher, library)
    becomes = _succeeded(context, claimed, listing, key)
    if becomes.saving is not None:
        becomes = replace(becomes, next=context.clock() + libraries.LEASE, failures=claimed.failures)
    read = None if listing is None else _contents(context.keys, claimed, listing, context.clock())
    update = await asyncio.to_thread(_apply_contents, context.db, claimed, becomes, read, context.clock())
    if update is None:
        return replace(becomes, saving=None)
    log.info("library read", number=claimed.key, added=update.added, removed=update.removed)
    return becomes


async def _save(context: LibrarySync, claimed: Library) -> Library:
    """Put waiting papers into a library that was just read, and end the claim."""
    waiting = await asyncio.to_thread(waiting_papers, context.db, context.keys, claimed)
    async with context.fetcher(_open_key(context, claimed), WRITING_LIMITS) as fetcher:
        saving = await add_papers(fetcher, context.zotero_url, claimed, waiting)
    delay = BUSY_DELAY if waiting and not saving.is_waiting else SYNC_INTERVAL
    becomes = replace(claimed, saving=saving, failures=0, next=context.clock() + delay)
    await asyncio.to_thread(_end, context.db, claimed, becomes)
    return becomes


def _end(db: Database, claimed: Library, becomes: Library) -> None:
    with db.write() as session:
        libraries.end(session, claimed, becomes)


def _open_key(context: LibrarySync, library: Library) -> str:
    """Return the key of a library. Raises KeyRefused, DecryptionError."""
    if library.sealed is None:
        raise KeyRefused("there is no key")
    return decrypt(context.keys, USE, _key_context(library.subscriber, library.provider, library.place), library.sealed)


def _claim(context: LibrarySync, only: int | None) -> Library | None:
    with context.db.write() as session:
        return libraries.claim(session, context.clock(), only)


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


def _succeeded(context: LibrarySync, claimed: Library, listing: LibraryListing | None, key: str) -> Library:
    """Return the library after it was read. A key encrypted with a retired secret is encrypted again."""
    now, sealed = context.clock(), claimed.sealed
    if sealed is not None and not is_encrypted_by_current(context.keys, sealed):
        sealed = encrypt(context.keys, USE, _key_context(claimed.subscriber, claimed.provider, claimed.place), key)
    version = claimed.version if listing is None else listing.version
    reset = {"state": LibraryState.LINKED, "failures": 0, "why": ""}
    return replace(claimed, sealed=sealed, version=version, synced=now, next=now + SYNC_INTERVAL, **reset)  # type: ignore[arg-type]  # each is of its field's type


def _contents(keys: Keys, claimed: Library, listing: LibraryListing, now: datetime) -> _Contents:
    """Return a listing's entries as references of the library's owner."""
    current = [sighting for sighting in listing.sightings if not sighting.withdrawn]
    papers = without_shared_dois([replace(one, ids=one.ids[1:]) for one in current], {})
    entries = {
        _entry(one): (reference_of(paper), _day(one.day, now)) for one, paper in zip(current, papers, strict=True)
    }
    return _Contents(
        entries=entries,
        removed=frozenset(_entry(one) for one in listing.sightings if one.withdrawn),
        added=frozenset(
            name
            for name, (reference, _) in entries.items()
            if name in {item_key(keys, claimed, paper) for paper in reference.ids}
        ),
        is_complete=listing.is_complete,
    )


def _day(day: date | None, now: datetime) -> str:
    """Return a day as ISO text, today at the latest. A future day would rank before all others."""
    return "" if day is None else min(day, now.date()).isoformat()


def _entry(sighting: Sighting) -> str:
    return sighting.ids[0].partition(":")[2]


def _key_context(subscriber: int, provider: LibraryProvider, place: str) -> str:
    """Return the context that a key is bound to. It cannot be decrypted for another library."""
    return f"{subscriber}:{provider}:{place}"


def _apply_contents(
    db: Database, claimed: Library, becomes: Library, contents: _Contents | None, now: datetime
) -> LibraryUpdate | None:
    """Apply what was read from a claimed library, and end the claim.

    Args:
        becomes: the library as it is after reading.
        contents: what was read; None if nothing has changed.

    Returns:
        The changes, or None if the claim is no longer valid.
    """
    with db.write() as session:
        known = subscribers.by_key(session, claimed.subscriber, lock=True)
        if known is None or not libraries.holds(session, claimed):
            return None
        before = libraries.entries(session, claimed.subscriber)
        after = before
        if contents is not None:
            public = references.public_names(session, (reference for reference, _ in contents.entries.values()))
            after = _after(claimed, before, contents, public)
            references.store(session, known.key, _unresolved(claimed, after, contents, public), now)
        update = _apply(session, known, (before, after), now)
        libraries.end(session, claimed, becomes)
    return update


def _after(
    claimed: Library, before: Sequence[LibraryEntry], contents: _Contents, public: Mapping[PaperId, PaperId]
) -> list[LibraryEntry]:
    existing = {entry.name: entry for entry in before if entry.library == claimed.key}
    remaining = (
        {}
        if contents.is_complete
        else {name: entry for name, entry in existing.items() if name not in contents.removed}
    )
    current = {}
    for name, (reference, day) in contents.entries.items():
        paper = _name(existing.get(name), reference, public.get(reference.name, reference.name))
        status = EntryStatus.DROPPED if name in contents.added else EntryStatus.BEYOND
        entry = existing.get(name, LibraryEntry(claimed.key, name, paper, status=status))
        current[name] = replace(entry, paper=paper, day=day)
    return [*(entry for entry in before if entry.library != claimed.key), *(remaining | current).values()]


def _name(existing: LibraryEntry | None, reference: Reference, public_name: PaperId) -> PaperId:
    """Return the like's existing name if there is one.

    This way, a removed like does not come back under a new name.
    """
    return existing.paper if existing is not None and existing.paper in reference.ids else public_name


def _unresolved(
    claimed: Library, after: Sequence[LibraryEntry], contents: _Contents, public: Mapping[PaperId, PaperId]
) -> list[Reference]:
    """Return the references that no source knows, newest first. By the names of their likes."""
    ours = [entry for entry in after if entry.library == claimed.key and entry.name in contents.entries]
    return [
        replace(contents.entries[entry.name][0], name=entry.paper)
        for entry in sorted(ours, key=lambda entry: entry.day, reverse=True)
        if contents.entries[entry.name][0].name not in public
    ]


def _apply(
    session: Session, known: Subscriber, entries: tuple[Sequence[LibraryEntry], Sequence[LibraryEntry]], now: datetime
) -> LibraryUpdate:
    before, after = entries
    update = apply_entries(before, after, known.interests, ITEMS_MAX[Kind.PAPER])
    libraries.write_entries(session, before, update.entries)
    if update.interests != known.interests:
        subscribers.update_many(session, [replace(known, interests=update.interests)], now)
    references.delete_unused(session, [known.key])
    return update
