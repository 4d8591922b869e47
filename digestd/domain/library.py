"""Libraries: a subscriber's own references at Zotero, read regularly.

A library entry makes its paper a liked one while the entry exists. The subscriber's own feedback takes precedence:
what they liked or disliked themselves is not changed, and a like that they removed does not come back by the library.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from enum import StrEnum
from operator import attrgetter

from pydantic import BaseModel

from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.paper import PaperId

STUCK_AFTER = 4
"""Failures in a row, over four hours, after which a subscriber is told that saved papers wait."""


class LibraryProvider(StrEnum):
    """The service that hosts a library."""

    ZOTERO = "zotero"
    ORCID = "orcid"  # of an earlier version: no longer read, its papers stay


class LibraryState(StrEnum):
    """The state of a link to a library; only LINKED ones are read."""

    LINKED = "linked"
    REFUSED = "refused"  # the key is no longer accepted
    GONE = "gone"  # there is no such library


class SavingProblem(StrEnum):
    """The reason why saved papers do not reach a library."""

    KEY = "key"  # the key may no longer write there
    COLLECTION = "collection"  # there is no such collection any more
    FULL = "full"  # the library takes no more
    PAPER = "paper"  # a paper was refused, and is not tried again


class Saving(BaseModel, frozen=True):
    """The adding of a subscriber's saved papers to their library.

    Attributes:
        collection, title: the key and the title of a collection there; empty for the library itself.
        through: the number of the last save that is done with. Saves before linking are not sent.
        problem: what is wrong now; `paper`: the title of the paper that was refused.
        is_told: whether a digest has said that there is a problem.
        is_announced: whether a digest has said that saved papers go there, in case somebody else linked the library.
    """

    collection: str = ""
    title: str = ""
    through: int = 0
    problem: SavingProblem | None = None
    paper: str = ""
    is_told: bool = False
    is_announced: bool = False

    @property
    def is_waiting(self) -> bool:
        """Return True for a problem that is looked at once a day, and not for each new paper."""
        return self.problem not in {None, SavingProblem.PAPER}


class EntryStatus(StrEnum):
    """The effect of a library entry."""

    LIKED = "liked"  # its paper is liked because of it
    OWN = "own"  # the subscriber has an own interest in the paper
    BEYOND = "beyond"  # the list of liked papers is full
    DROPPED = "dropped"  # the subscriber removed the like, or digestd added the entry


@dataclass(frozen=True, slots=True)
class LibraryLink:
    """Link a subscriber to a library.

    Attributes:
        place: the library's path at its provider: `users/12` or `groups/3`.
        sealed: the encrypted API key.
        saving: how saved papers get there, if the subscriber wants that.
    """

    subscriber: int
    provider: LibraryProvider
    place: str
    sealed: bytes | None = field(repr=False)
    may_write: bool
    saving: Saving | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Library(LibraryLink):
    """A linked library.

    Attributes:
        version: the provider's version of the state that was read last; 0 for none.
        next: when it is read next; while it is being read, when the claim ends.
        synced: when it was last read completely.
        failures: the number of consecutive failures.
        why: the last error in one line; empty after success.
    """

    key: int
    state: LibraryState
    version: int
    linked: datetime
    next: datetime
    synced: datetime | None = None
    failures: int = 0
    why: str = ""

    @property
    def is_read(self) -> bool:
        """Return False for a library of an earlier version, which is no longer read."""
        return self.provider is LibraryProvider.ZOTERO

    @property
    def is_saving_stuck(self) -> bool:
        """Return True if saved papers should get there but do not."""
        is_read = self.state is LibraryState.LINKED and self.failures < STUCK_AFTER
        return self.saving is not None and not (is_read and self.saving.problem is None)

    @property
    def spec(self) -> str:
        """Return the library's name on the command line."""
        return f"{self.provider}:{self.place}"


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """One entry of a library.

    Attributes:
        name: the provider's id of the entry.
        day: the ISO day when it was added; empty if unknown.
    """

    library: int
    name: str
    paper: PaperId
    day: str = ""
    status: EntryStatus = EntryStatus.BEYOND


@dataclass(frozen=True, slots=True)
class LibraryUpdate:
    """The result of a change: the status of each entry, and the subscriber's new interests."""

    entries: tuple[LibraryEntry, ...]
    interests: tuple[Interest, ...]
    added: int
    removed: int


def apply_entries(
    before: Sequence[LibraryEntry], after: Sequence[LibraryEntry], interests: Sequence[Interest], most: int
) -> LibraryUpdate:
    """Return a subscriber's likes after a change of their libraries.

    The newest entries have precedence.

    Args:
        before, after: the entries of all their libraries.
        most: the maximum number of liked papers.
    """
    stances = {PaperId(i.value): i.stance for i in interests if i.kind is Kind.PAPER}
    ours = {entry.paper for entry in before if _is_ours(entry, stances.get(entry.paper))}
    own = stances.keys() - ours
    dropped = {
        entry.paper
        for entry in (*before, *after)
        if entry.paper not in stances and entry.status is not EntryStatus.BEYOND
    }
    room = most - sum(stances[paper] is Stance.LIKED for paper in own)
    excluded = own | dropped
    days = {entry.paper: entry.day for entry in sorted(after, key=attrgetter("day")) if entry.paper not in excluded}
    wanted = dict.fromkeys(sorted(days, key=lambda paper: days[paper], reverse=True)[: max(0, room)])
    added, taken = [paper for paper in wanted if paper not in ours], ours - wanted.keys()
    kept = [i for i in interests if i.kind is not Kind.PAPER or i.value not in taken]
    return LibraryUpdate(
        tuple(replace(entry, status=_counts(entry.paper, wanted, own, dropped)) for entry in after),
        (*kept, *(Interest(Kind.PAPER, paper, since=_since(days[paper])) for paper in added)),
        len(added),
        len(taken),
    )


def _is_ours(entry: LibraryEntry, stance: Stance | None) -> bool:
    return entry.status is EntryStatus.LIKED and stance is Stance.LIKED


def _since(day: str) -> datetime | None:
    """Return when a paper was liked: when the entry was added; None if unknown."""
    return datetime.combine(date.fromisoformat(day), time(), UTC) if day else None


def _counts(
    paper: PaperId, wanted: Collection[PaperId], own: Collection[PaperId], dropped: Collection[PaperId]
) -> EntryStatus:
    if paper in wanted:
        return EntryStatus.LIKED
    if paper in own:
        return EntryStatus.OWN
    return EntryStatus.DROPPED if paper in dropped else EntryStatus.BEYOND
