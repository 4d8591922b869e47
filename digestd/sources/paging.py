"""Base classes of paged sources.

A cursor is the text of a `Place`: `START` or `START@MARK`. START is the number of a page, or how many records come
before it; MARK is the service's own cursor, or what else the next request needs. An empty page before the end is
requested again, because services have returned one in the middle of a result.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Self

from digestd.domain.paper import Sighting
from digestd.sources.json_records import JsonObject, load_object, read_records
from digestd.sources.retractions import merge_retractions
from digestd.sources.source import Page, Reject, check_rejects, clean_line, search_query

MARK_MAX = 1_000


class Place(NamedTuple):
    """A page."""

    start: int = 0
    mark: str = ""

    @classmethod
    def from_cursor(cls, cursor: str | None) -> Self:
        """Return the place of a cursor; None is the first page."""
        start, _, mark = (cursor or "0").partition("@")
        return cls(int(start), mark)

    def __str__(self) -> str:
        return f"{self.start}@{self.mark}" if self.mark else str(self.start)


class Listing(NamedTuple):
    """One page of a list, as the service answers it.

    Attributes:
        total: number of records over all pages; None if the service does not say.
        mark: the service's cursor of the next page, or what else the next request must know.
        rejects: what is wrong with the answer as a whole.
    """

    records: list[object]
    total: int | None = None
    mark: object = ""
    rejects: tuple[Reject, ...] = ()


class PagedSource(ABC):
    """A source that is read page by page: a subclass says how to ask and what an answer holds.

    Attributes:
        page_size: records of a numbered page; 0 if pages follow marks or offsets.
        most: number of records that numbered pages reach.
        repeats_mark: True if the same mark leads to the page after; otherwise a repeated one ends the list.
        has_notices: True if records may be notices that retract other papers of the answer.
    """

    __slots__ = ()
    page_size: ClassVar[int] = 0
    most: ClassVar[int] = 10**15
    repeats_mark: ClassVar[bool] = False
    has_notices: ClassVar[bool] = False

    @abstractmethod
    def open(self, found: JsonObject) -> Listing:
        """Return what an answer holds. Raises SourceFailed if it is an error or none of this service."""

    @abstractmethod
    def read(self, record: JsonObject) -> Iterator[Sighting]:
        """Yield the paper of a record; nothing if it is no paper. Raises BadRecord."""

    def following(self, place: Place, answer: Listing) -> Place | None:
        """Return the page after this one; None after the last, and the same page if it is to be asked for again."""
        if self.page_size:
            page = max(place.start, 1)
            if page * self.page_size >= min(answer.total or 0, self.most):
                return None
            return Place(page + 1, str(answer.mark)) if answer.records else place
        received = place.start + len(answer.records)
        if answer.total is not None and received >= answer.total:
            return None
        if not answer.records:
            return place if answer.total else None
        mark = clean_line(answer.mark, MARK_MAX) if isinstance(answer.mark, str) else ""
        return Place(received, mark) if mark and (self.repeats_mark or mark != place.mark) else None

    def total(self, place: Place, answer: Listing) -> int | None:
        """Return how many records all pages hold together; None if the service does not say, or counts others too."""
        del place
        return answer.total

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse one page; request an empty one again if records are missing."""
        answer = self.open(load_object(body))
        sightings, rejects = read_records(answer.records, self.read)
        here = Place.from_cursor(cursor)
        place = self.following(here, answer)
        after = (cursor or "0") if place == here else place and str(place)
        page = check_rejects(
            Page(
                merge_retractions(sightings) if self.has_notices else tuple(sightings),
                after,
                tuple(rejects),
                self.total(here, answer),
            )
        )
        of_search = answer.rejects if here.start <= 1 else ()
        return replace(page, rejects=(*page.rejects, *of_search))


@dataclass(frozen=True, slots=True)
class SearchSource(PagedSource):
    """A paged source whose spec is its kind and a search in the service's own language."""

    search: str
    kind: ClassVar[str]

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        return cls(search_query(cls.kind, argument))

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.search}"
