"""Link and unlink reference libraries.

Their entries are applied to the list of liked papers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from digestd.domain.interest import Kind
from digestd.domain.library import EntryStatus, Library, LibraryEntry, LibraryUpdate, apply_entries
from digestd.domain.paper import PaperId
from digestd.domain.reference import Reference
from digestd.domain.subscriber import Subscriber
from digestd.errors import BadRecord, NotFound
from digestd.store import libraries, references, subscribers
from digestd.store.database import Database
from digestd.store.libraries import NewLibrary
from digestd.subscribers.lookup import load_locked
from digestd.subscribers.subscriber_record import ITEMS_MAX

LIBRARIES_MAX = 5
"""The maximum number of libraries per subscriber."""


@dataclass(frozen=True, slots=True)
class LibraryContents:
    """The entries that were read from a library, and those that were removed there.

    Attributes:
        entries: reference and ISO day of addition, by entry name.
        removed: names of entries that were removed.
        is_complete: True if `entries` is the whole library, so that any other entry was removed too.
    """

    entries: Mapping[str, tuple[Reference, str]]
    removed: frozenset[str]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class LinkedLibrary:
    """A library and the number of its entries by status."""

    library: Library
    counts: Mapping[EntryStatus, int]


def link(db: Database, new: NewLibrary, now: datetime) -> None:
    """Link a library, or replace the key of a linked one.

    Raises:
        BadRecord: LIBRARIES_MAX libraries are linked already.
        NotFound: there is no such subscriber.
    """
    with db.write() as session:
        load_locked(session, new.subscriber)
        others = [
            one
            for one in libraries.of(session, new.subscriber)
            if (one.provider, one.place) != (new.provider, new.place)
        ]
        if len(others) >= LIBRARIES_MAX:
            raise BadRecord("most", f"{LIBRARIES_MAX} libraries are linked already; unlink one of them first")
        libraries.link(session, new, now)


def linked_libraries(session: Session, subscriber: int) -> list[LinkedLibrary]:
    """Return the libraries of a subscriber."""
    counted = libraries.counted(session, subscriber)
    return [
        LinkedLibrary(one, {how: counted.get((one.key, how), 0) for how in EntryStatus})
        for one in libraries.of(session, subscriber)
    ]


def own_library(session: Session, subscriber: int, number: int) -> Library:
    """Return a subscriber's library by number.

    Raises NotFound, also for somebody else's.
    """
    found = next((one for one in libraries.of(session, subscriber) if one.key == number), None)
    if found is None:
        raise NotFound(f"there is no library number {number}")
    return found


def apply_contents(
    db: Database, claimed: Library, becomes: Library, contents: LibraryContents | None, now: datetime
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


def _after(
    claimed: Library, before: Sequence[LibraryEntry], contents: LibraryContents, public: Mapping[PaperId, PaperId]
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
        current[name] = replace(existing.get(name, LibraryEntry(claimed.key, name, paper)), paper=paper, day=day)
    return [*(entry for entry in before if entry.library != claimed.key), *(remaining | current).values()]


def _name(existing: LibraryEntry | None, reference: Reference, public_name: PaperId) -> PaperId:
    """Return the like's existing name if there is one.

    This way, a removed like does not come back under a new name.
    """
    return existing.paper if existing is not None and existing.paper in reference.ids else public_name


def _unresolved(
    claimed: Library, after: Sequence[LibraryEntry], contents: LibraryContents, public: Mapping[PaperId, PaperId]
) -> list[Reference]:
    """Return the references that no source knows, newest first.

    By the names of their likes.
    """
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
