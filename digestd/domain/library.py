"""Libraries: a subscriber's own references where they keep them, at Zotero or ORCID, read again and again.

An entry of a library is a like of its reader for as long as it stands there. Their own word counts for more: what
they liked or disliked themselves is left so, and a like that they took away does not come back by the library.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from enum import StrEnum

from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.paper import PaperId


class LibraryProvider(StrEnum):
    """Who keeps a library."""

    ZOTERO = "zotero"
    ORCID = "orcid"


class LibraryState(StrEnum):
    """Whether a library is still read."""

    LINKED = "linked"
    REFUSED = "refused"  # the key opens it no more
    GONE = "gone"  # there is no such library


class EntryStatus(StrEnum):
    """What an entry does."""

    LIKED = "liked"  # its paper is liked because of it
    OWN = "own"  # the subscriber has said something of the paper themselves
    BEYOND = "beyond"  # the list of liked papers is full
    DROPPED = "dropped"  # the subscriber took the like away


@dataclass(frozen=True, slots=True)
class Library:
    """A library that is linked. `place`: which of its keeper's it is, as in `users/12`, `groups/3` or an ORCID iD.

    `sealed`: the key, encrypted. `version`: what its keeper calls the state that was read last, 0 for none. `synced`:
    when it was last read to the end. `next`: when it is read again; while it is being read, until when that may take.
    `failures`: how often in a row it could not be read. `why`: one line of the last time, empty where it was read.
    """

    key: int
    subscriber: int
    provider: LibraryProvider
    place: str
    sealed: bytes | None = field(repr=False)
    may_write: bool
    state: LibraryState
    version: int
    linked: datetime
    next: datetime
    synced: datetime | None = None
    failures: int = 0
    why: str = ""

    @property
    def spec(self) -> str:
        """What it is called on the command line."""
        return f"{self.provider}:{self.place}"


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """One entry of a library. `name`: what its keeper calls it. `day`: when it was put there, empty if unknown."""

    library: int
    name: str
    paper: PaperId
    day: str = ""
    status: EntryStatus = EntryStatus.BEYOND


@dataclass(frozen=True, slots=True)
class LibraryUpdate:
    """What follows from entries: how each counts, and the subscriber's interests then."""

    entries: tuple[LibraryEntry, ...]
    interests: tuple[Interest, ...]
    added: int
    removed: int


def apply_entries(
    before: Sequence[LibraryEntry], after: Sequence[LibraryEntry], interests: Sequence[Interest], most: int
) -> LibraryUpdate:
    """What all libraries of a subscriber amount to, `before` and `after` a change, with at most `most` liked papers.

    The newest entries count first where there is no room for all.
    """
    said = {PaperId(i.value): i.stance for i in interests if i.kind is Kind.PAPER}
    ours = {entry.paper for entry in before if _is_ours(entry, said.get(entry.paper))}
    own = said.keys() - ours
    dropped = {entry.paper for entry in before if entry.paper not in said and entry.status is not EntryStatus.BEYOND}
    room = most - sum(said[paper] is Stance.LIKED for paper in own)
    shut = own | dropped
    days = {entry.paper: entry.day for entry in sorted(after, key=_day) if entry.paper not in shut}
    wanted = dict.fromkeys(sorted(days, key=lambda paper: days[paper], reverse=True)[: max(0, room)])
    added, taken = [paper for paper in wanted if paper not in ours], ours - wanted.keys()
    kept = [i for i in interests if i.kind is not Kind.PAPER or i.value not in taken]
    return LibraryUpdate(
        tuple(replace(entry, status=_counts(entry.paper, wanted, own, dropped)) for entry in after),
        (*kept, *(Interest(Kind.PAPER, paper, since=_since(days[paper])) for paper in added)),
        len(added),
        len(taken),
    )


def _is_ours(entry: LibraryEntry, wish: Stance | None) -> bool:
    return entry.status is EntryStatus.LIKED and wish is Stance.LIKED


def _day(entry: LibraryEntry) -> str:
    return entry.day


def _since(day: str) -> datetime | None:
    """When a paper was liked: as it was put there; None where nobody knows."""
    return datetime.combine(date.fromisoformat(day), time(), UTC) if day else None


def _counts(
    paper: PaperId, wanted: Collection[PaperId], own: Collection[PaperId], dropped: Collection[PaperId]
) -> EntryStatus:
    if paper in wanted:
        return EntryStatus.LIKED
    if paper in own:
        return EntryStatus.OWN
    return EntryStatus.DROPPED if paper in dropped else EntryStatus.BEYOND
