"""Libraries that a subscriber links, what their entries do to the list of liked papers, and how they part with one."""

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
from digestd.subscribers.subscriber_record import ITEMS_MAX

LIBRARIES_MAX = 5
"""Libraries of one subscriber."""


@dataclass(frozen=True, slots=True)
class LibraryContents:
    """The entries of a library as read, each with the day it was put there, and the entries that are gone.

    `is_whole`: what is not named is gone too.
    """

    entries: Mapping[str, tuple[Reference, str]]
    gone: frozenset[str]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class LinkedLibrary:
    """A library as its owner sees it: how many of its entries count how."""

    library: Library
    counts: Mapping[EntryStatus, int]


def link(db: Database, new: NewLibrary, now: datetime) -> None:
    """Link a library, or give one that is linked another key. Raises BadRecord beyond MOST, NotFound."""
    with db.write() as session:
        _known(session, new.subscriber)
        others = [one for one in libraries.of(session, new.subscriber) if (one.provider, one.place) != _named(new)]
        if len(others) >= LIBRARIES_MAX:
            raise BadRecord("most", f"{LIBRARIES_MAX} libraries are linked already; unlink one of them first")
        libraries.link(session, new, now)


def linked_libraries(session: Session, subscriber: int) -> list[LinkedLibrary]:
    """The libraries of a subscriber."""
    counted = libraries.counted(session, subscriber)
    return [
        LinkedLibrary(one, {how: counted.get((one.key, how), 0) for how in EntryStatus})
        for one in libraries.of(session, subscriber)
    ]


def own_library(session: Session, subscriber: int, number: int) -> Library:
    """Their library of this number. Raises NotFound, also for another's."""
    found = next((one for one in libraries.of(session, subscriber) if one.key == number), None)
    if found is None:
        raise NotFound(f"there is no library number {number}")
    return found


def apply_contents(
    db: Database, claimed: Library, becomes: Library, read: LibraryContents | None, now: datetime
) -> LibraryUpdate | None:
    """Let what was read of a claimed library count, and end the claim; None where that stands no more.

    `becomes`: the library as it is then. `read`: None where nothing has changed.
    """
    with db.write() as session:
        known = subscribers.by_key(session, claimed.subscriber, lock=True)
        if known is None or not libraries.holds(session, claimed):
            return None
        before = libraries.entries(session, claimed.subscriber)
        after = before
        if read is not None:
            public = references.public_names(session, (reference for reference, _ in read.entries.values()))
            after = _after(claimed, before, read, public)
            references.store(session, known.key, _unresolved(claimed, after, read, public), now)
        settled = _settled(session, known, (before, after), now)
        libraries.end(session, claimed, becomes)
    return settled


def unlink(db: Database, subscriber: int, number: int, now: datetime, *, keep: bool) -> Library:
    """Forget a library and its key; its papers stay liked, or count no more. Raises NotFound."""
    with db.write() as session:
        known = _known(session, subscriber)
        library = own_library(session, subscriber, number)
        if not keep:
            before = libraries.entries(session, subscriber)
            _settled(session, known, (before, [entry for entry in before if entry.library != number]), now)
        libraries.unlink(session, number)
        references.delete_unused(session, [subscriber])
    return library


def _after(
    claimed: Library, before: Sequence[LibraryEntry], read: LibraryContents, public: Mapping[PaperId, PaperId]
) -> list[LibraryEntry]:
    stood = {entry.name: entry for entry in before if entry.library == claimed.key}
    stay = {} if read.is_complete else {name: entry for name, entry in stood.items() if name not in read.gone}
    fresh = {}
    for name, (reference, day) in read.entries.items():
        paper = _name(stood.get(name), reference, public.get(reference.name, reference.name))
        fresh[name] = replace(stood.get(name, LibraryEntry(claimed.key, name, paper)), paper=paper, day=day)
    return [*(entry for entry in before if entry.library != claimed.key), *(stay | fresh).values()]


def _name(stood: LibraryEntry | None, reference: Reference, named: PaperId) -> PaperId:
    """Return the name of an entry's like: the one it had, so that a like that was taken away does not come back."""
    return stood.paper if stood is not None and stood.paper in reference.ids else named


def _unresolved(
    claimed: Library, after: Sequence[LibraryEntry], read: LibraryContents, public: Mapping[PaperId, PaperId]
) -> list[Reference]:
    """Return the entries that were read and that no source knows, by the names of their likes, the newest first."""
    ours = [entry for entry in after if entry.library == claimed.key and entry.name in read.entries]
    return [
        replace(read.entries[entry.name][0], name=entry.paper)
        for entry in sorted(ours, key=lambda entry: entry.day, reverse=True)
        if read.entries[entry.name][0].name not in public
    ]


def _settled(
    session: Session, known: Subscriber, entries: tuple[Sequence[LibraryEntry], Sequence[LibraryEntry]], now: datetime
) -> LibraryUpdate:
    before, after = entries
    settled = apply_entries(before, after, known.interests, ITEMS_MAX[Kind.PAPER])
    libraries.write_entries(session, before, settled.entries)
    if settled.interests != known.interests:
        subscribers.update_many(session, [replace(known, interests=settled.interests)], now)
    references.delete_unused(session, [known.key])
    return settled


def _known(session: Session, subscriber: int) -> Subscriber:
    known = subscribers.by_key(session, subscriber, lock=True)
    if known is None:
        raise NotFound(f"there is no subscriber number {subscriber}")
    return known


def _named(new: NewLibrary) -> tuple[object, str]:
    return new.provider, new.place
