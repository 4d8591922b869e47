"""The port for papers: what to ask a source for, and how to read its answer. Pure.

A source says which request comes next and turns the answer's bytes into sightings; it never
opens a socket. Whatever cannot be read is a Reject with its reason, never silently dropped.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from digestd.domain.paper import ABSTRACT_MAX, AUTHORS_MAX, NAME_MAX, TITLE_MAX, Paper, Sighting, Words
from digestd.errors import BadRecord, SourceFailed

ITEMS_MAX = 5_000
CATEGORIES_MAX = 50
URL_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Request:
    """What to fetch next. `fresh`: without validators, as the answer is needed even if unchanged.

    `body`: POSTed where it is given; else the request is a GET. `may_be_gone`: that there is nothing
    (404, 410, 451) is an answer to read, too, not the end of the visit.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False
    body: bytes | None = None
    may_be_gone: bool = False


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most one request every `seconds` to all that counts as `host`.

    `alone`: never two at once either, over all processes.
    """

    host: str
    seconds: float
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """One record that could not be read: where it stands, which part, and the remedy."""

    where: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Page:
    """One answer, read. `next` is the cursor of the page after it; None at the end.

    `next` equal to the cursor just asked for says that the answer was empty where it must
    not be: ask again. `total`: how many records the source says there are over all pages,
    None where it does not say. `day`: the announcement that the whole answer belongs to, where
    it is one; an empty answer may have it too.
    """

    sightings: tuple[Sighting, ...] = ()
    next: str | None = None
    rejects: tuple[Reject, ...] = ()
    total: int | None = None
    day: date | None = None


class Parser(Protocol):
    """What makes papers of bytes."""

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Read the bytes, the answer to the request at `cursor`. Raises SourceFailed where nothing can be read."""


class Source(Protocol):
    """Where papers come from."""

    @property
    def name(self) -> str:
        """Its spec, as in DIGESTD_SOURCES; what sightings and fetches are kept under."""

    @property
    def rate_limit(self) -> RateLimit:
        """How often it may be asked."""

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """The request for the page at `cursor` (None: the first); None when all since `since` was asked for."""

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Read the answer to the request at `cursor`.

        Raises SourceFailed where it is no answer of this source, or most of it cannot be read.
        """


@runtime_checkable
class AnnouncementSource(Source, Protocol):
    """A source whose calendar is known; of the others the rhythm of the week is learned."""

    def announcement_time(self, day: date) -> datetime | None:
        """When the announcement of a day can be read from this source; None for a day without one."""


@runtime_checkable
class BackfillSource(Source, Protocol):
    """A source that shows only its newest announcement, and another interface that has the earlier ones."""

    def backfill(self, first: date, last: date) -> Source:
        """The source to ask for what was announced on these days, both included."""


@runtime_checkable
class EnrichmentSource(Source, Protocol):
    """A source that adds to papers already known, as citations or stars; by itself it asks for nothing."""

    def for_papers(self, papers: Sequence[Paper]) -> Source:
        """The same source, asking about these papers."""


def check_rejects(page: Page) -> Page:
    """The page, unless most of it was rejected: then the source has changed its form.

    Keeping the last good state beats taking in the few records that still happen to fit.
    """
    if len(page.rejects) > len(page.sightings):
        first = page.rejects[0]
        raise SourceFailed(
            f"{len(page.rejects)} of {len(page.rejects) + len(page.sightings)} records cannot be read "
            f"({first.where}: {first.field}: {first.message}); nothing of this answer was taken"
        )
    return page


# Characters that no database text or mail may hold, and that are not white space already.
_UNFIT = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_UNQUOTED = str.maketrans("“”", "''")
QUOTED_MAX = 200
"""Characters of a service's own words that a message shows."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def clean_line(text: str, limit: int) -> str:
    """One line: white space collapsed, control characters out, at most `limit` characters."""
    clean = " ".join(text[: limit * 4].split())
    if not clean.isprintable():  # else there is nothing to clean, and two searches are saved
        clean = " ".join(_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _UNFIT.sub(" ", clean)).split())
    return clean[:limit].rstrip()


def quote_service(service: str, message: object) -> str:
    """Return what a service says, as its own words: `PubMed says: “Search backend failed”`.

    The words are not ours, so they can neither pass for a message of digestd nor do anything where they are shown:
    they are short, on one line, without characters that cannot be seen, end at the closing quotation mark, and hold
    no address that a terminal or a mail program would make a link of.
    """
    visible = "".join(mark if mark.isprintable() else " " for mark in str(message)[: 4 * QUOTED_MAX])
    line = " ".join(visible.translate(_UNQUOTED).split())
    quoted = line if len(line) <= QUOTED_MAX else f"{line[: QUOTED_MAX - 1].rstrip()}…"
    return f"{service} says: “{quoted.replace('://', '[:]//')}”" if quoted else f"{service} gives no reason"


def make_words(title: str, abstract: str = "", authors: Sequence[str] = (), categories: Sequence[str] = ()) -> Words:
    """The words of a paper within their limits; longer ones are cut. Raises BadRecord without a title."""
    short = clean_line(title, TITLE_MAX)
    if not short:
        raise BadRecord("title", "is missing or empty; every paper needs one")
    return Words(
        title=short,
        abstract=clean_line(abstract, ABSTRACT_MAX),
        authors=clean_names(authors, AUTHORS_MAX),
        categories=clean_names(categories, CATEGORIES_MAX),
    )


def clean_names(values: Sequence[str], count: int) -> tuple[str, ...]:
    """Return the first `count` of some names, cleaned and within their length, each once."""
    found = (clean_line(value, NAME_MAX) for value in values[:count])
    return tuple(dict.fromkeys(value for value in found if value))


def parse_timestamp(text: str) -> datetime:
    """An ISO 8601 or mail date as an instant; one without a zone is UTC. Raises ValueError."""
    text = text.strip()[:64]
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = parsedate_to_datetime(text)
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    if not 1900 < found.year < 2200:
        raise ValueError(f"the year {found.year} cannot be meant")
    return found.astimezone(UTC)


def web_url(text: object) -> str | None:
    """The text if it is a web address that can be linked to, else None."""
    if not isinstance(text, str) or not 10 <= len(text) <= URL_MAX or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme.lower() in {"http", "https"} and parts.hostname else None
