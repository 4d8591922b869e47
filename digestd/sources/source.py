"""The interface of a source: which request comes next, and how to parse its answer. Pure.

A source turns the bytes of an answer into sightings and never opens a socket. A record that
cannot be parsed becomes a Reject with its reason; nothing is dropped silently.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from pathlib import Path
from typing import ClassVar, Protocol, Self, TypeVar, runtime_checkable
from urllib.parse import urlsplit

from digestd.domain.paper import (
    ABSTRACT_MAX,
    AFFILIATIONS_MAX,
    AUTHORS_MAX,
    NAME_MAX,
    ROR,
    TITLE_MAX,
    Paper,
    Sighting,
    Words,
)
from digestd.errors import BadInput, BadRecord, DigestdError, SourceFailed
from digestd.text.sanitise import clean

ITEMS_MAX = 5_000
_PER_REPORT = 250
"""Records between two reports of how many were read."""
CATEGORIES_MAX = 50
URL_MAX = 2_000
_Record = TypeVar("_Record")


_WORD = re.compile(r"[^\W\d_]{3}")
_HEAD = re.compile(r"\bet al\b\.?\W*\Z", re.IGNORECASE)
_CLOSED = (":", "?", "!", "–", "—")


@dataclass(frozen=True, slots=True)
class Request:
    """A request to send.

    Attributes:
        url: the address; `file:` addresses are read from disk.
        fresh: send no validators, because the answer is needed even if unchanged.
        body: JSON to POST; without it the request is a GET.
        may_be_gone: parse 404, 410 and 451 as answers instead of failing.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False
    body: bytes | None = None
    may_be_gone: bool = False


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most one request every `seconds` to `host`.

    The host names a group of sources, not a DNS name.

    `exclusive`: allow one request at a time over all processes.
    """

    host: str
    seconds: float
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that cannot be parsed: where it is, which field, and what to do."""

    where: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Page:
    """One parsed answer.

    Attributes:
        next: the cursor of the next page, or None at the end. The cursor of this page asks for it
            again, because it was empty in the middle of a result.
        rejects: records that cannot be parsed.
        total: number of records over all pages according to the source, or None.
        day: the announcement that the answer belongs to, or None; an empty answer may have one.
    """

    sightings: tuple[Sighting, ...] = ()
    next: str | None = None
    rejects: tuple[Reject, ...] = ()
    total: int | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file, read from disk by the fetcher; a subclass names its kind and parses it."""

    path: Path
    kind: ClassVar[str]
    rate_limit = RateLimit("", 0)
    """No limit: it is a file."""

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """Create the source from a path."""
        if not argument or len(argument) > 180:
            example = f"{cls.kind}:/data/papers.{cls.kind}"
            raise BadInput(f"{cls.kind}: needs the path of a file, at most 180 characters, as in {example}")
        return cls(Path(argument))

    @property
    def name(self) -> str:
        """Return the kind and the path as given."""
        return f"{self.kind}:{self.path}"

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the only request, for the complete file."""
        del since
        return Request(self.path.resolve().as_uri()) if cursor is None else None


class Parser(Protocol):
    """An object that turns bytes into papers."""

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the answer to the request at `cursor`. Raises SourceFailed if nothing can be parsed."""


class Source(Protocol):
    """A source of papers."""

    @property
    def name(self) -> str:
        """Return the spec, as in DIGESTD_SOURCES. Sightings and fetches are stored under it."""

    @property
    def rate_limit(self) -> RateLimit:
        """Return how often requests may be sent."""

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the request for the page at `cursor` (None: the first); None after the last page."""

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the answer to the request at `cursor`.

        Raises SourceFailed if it is not an answer of this source, or if most records cannot be parsed.
        """


@runtime_checkable
class AnnouncementSource(Source, Protocol):
    """A source with a known calendar; for the others a weekly schedule is learned."""

    def announcement_time(self, day: date) -> datetime | None:
        """Return when the announcement of a day is available here; None if the day has none."""


@runtime_checkable
class BackfillSource(Source, Protocol):
    """A source that shows only its newest announcement. It has another interface for earlier ones."""

    def backfill(self, first: date, last: date) -> Source:
        """Return the source to ask for the announcements of these days, both included."""


@runtime_checkable
class EnrichmentSource(Source, Protocol):
    """A source that adds signals such as citations to stored papers. It needs `for_papers` to ask anything."""

    def for_papers(self, papers: Sequence[Paper]) -> Source:
        """Return a copy of the source that asks about these papers."""


def read_each(
    named: Iterable[tuple[str, _Record]], read: Callable[[_Record], Iterable[Sighting]]
) -> tuple[list[Sighting], list[Reject]]:
    """Return the papers of all records, and a reject, under the name of the record, for each that cannot be read."""
    sightings: list[Sighting] = []
    rejects: list[Reject] = []
    for name, record in counted(named):
        try:
            sightings += read(record)
        except Exception as error:  # also for a record of a kind that nobody foresaw
            rejects.append(reject_of(name, error))
    return sightings, rejects


def counted(records: Iterable[_Record]) -> Iterator[_Record]:
    """Yield the records, and report now and then how many were read."""
    for count, record in enumerate(records):
        if count and count % _PER_REPORT == 0:
            Progress.report(count)
        yield record


class Progress:
    """`report` is called with the number of records that were read; a parser process tells it to the service."""

    @staticmethod
    def report(count: int) -> None:
        """Ignore the number, unless this is replaced."""


def reject_of(where: str, error: Exception) -> Reject:
    """Return the reject of a record that cannot be read; raise the error if its cause is no single record."""
    if isinstance(error, BadRecord):
        return Reject(where, error.field, error.message)
    if isinstance(error, DigestdError | MemoryError):  # the answer is wrong, or ends the parser process
        raise error
    return Reject(where, "record", f"cannot be read ({type(error).__name__})")


def check_rejects(page: Page) -> Page:
    """Return the page.

    Raises SourceFailed if most records were rejected: the format has changed.

    The last good state is better than the few records that happen to fit.
    """
    if len(page.rejects) > len(page.sightings):
        first = page.rejects[0]
        raise SourceFailed(
            f"{len(page.rejects)} of {len(page.rejects) + len(page.sightings)} records cannot be read "
            f"({first.where}: {first.field}: {first.message}); the response was ignored"
        )
    return page


_UNQUOTED = str.maketrans("“”", "''")
QUOTED_MAX = 200
"""Characters of a service's own words that a message shows."""


def clean_line(text: str, limit: int) -> str:
    """Return one line of at most `limit` characters without any that nobody can see; see `sanitise.clean`."""
    return clean(text, limit * 4).replace("\N{NO-BREAK SPACE}", " ")[:limit].rstrip()


def quote_service(service: str, message: object) -> str:
    """Quote a service's error message: `PubMed says: “Search backend failed”`.

    The message is untrusted. It is cut, put on one line and quoted, invisible characters are removed, and
    `://` is broken, so that it cannot pass for a message of digestd or become a link.
    """
    visible = "".join(mark if mark.isprintable() else " " for mark in str(message)[: 4 * QUOTED_MAX])
    line = " ".join(visible.translate(_UNQUOTED).split())
    quoted = line if len(line) <= QUOTED_MAX else f"{line[: QUOTED_MAX - 1].rstrip()}…"
    return f"{service} says: “{quoted.replace('://', '[:]//')}”" if quoted else f"{service} gives no reason"


def make_words(title: str, abstract: str = "", authors: Sequence[str] = (), categories: Sequence[str] = ()) -> Words:
    """Return the words of a paper, cut to their limits. Raises BadRecord without a title."""
    short = clean_line(title, TITLE_MAX)
    if not short:
        raise BadRecord("title", "is missing or empty; every paper needs one")
    return Words(
        title=short,
        abstract=clean_line(abstract, ABSTRACT_MAX),
        authors=clean_names(authors, AUTHORS_MAX),
        categories=tuple(dict.fromkeys(clean_names(categories, CATEGORIES_MAX))),
    )


def clean_names(values: Sequence[str], count: int) -> tuple[str, ...]:
    """Return the first `count` names, cleaned and each cut to its maximum length. Two people may have the same name."""
    found = (clean_line(value, NAME_MAX) for value in values[:count])
    return tuple(value for value in found if value)


def is_plain_name(name: str) -> bool:
    """Return True for the name of a signal or link: at most 40 small letters, digits and underscores."""
    return len(name) <= 40 and name.isascii() and name.isidentifier() and name == name.lower() and name[0] != "_"


def parse_timestamp(text: str) -> datetime:
    """Parse an ISO 8601 or RFC 5322 date; without a zone it is UTC. Raises ValueError."""
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
    """Return the text if it is an HTTP address that can be linked to, else None."""
    if not isinstance(text, str) or not 10 <= len(text) <= URL_MAX or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme.lower() in {"http", "https"} and parts.hostname else None


def https_url(text: object) -> str | None:
    url = web_url(text)
    return url if url and url[:8].lower() == "https://" else None


def pdf_link(address: object) -> dict[str, str]:
    """Return the links of a paper whose PDF is at an address; none if it is no HTTPS address."""
    url = https_url(address)
    return {"pdf": url} if url else {}


def with_ror(name: str, identifier: str) -> str:
    """Return the name of an institution with its ROR id, if it has one."""
    return f"{name} {identifier}" if name and identifier.startswith(ROR) else name


def affiliations_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return the institutions of a paper, each once."""
    distinct = islice(dict.fromkeys(filter(None, names)), AFFILIATIONS_MAX)
    return clean_names(list(distinct), AFFILIATIONS_MAX)


def venue_name(text: str) -> str:
    return clean_line(text, NAME_MAX)


def with_subtitle(title: str, subtitle: str) -> str:
    """Return `Title: Subtitle`, or the title alone if the other adds no word or is a running head (`RUE ET AL.`)."""
    title, subtitle = title.strip(), subtitle.strip()
    added = _words(subtitle)
    is_head = _HEAD.search(subtitle) or (subtitle.isupper() and not title.isupper() and len(added) > 1)
    if not title or not _WORD.search(subtitle) or is_head or added <= _words(title):
        return title
    return f"{title}{' ' if title.endswith(_CLOSED) else ': '}{subtitle}"


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.casefold()))


def search_query(kind: str, argument: str) -> str:
    """Return a search query. It contains no comma, which would end the spec in a list of sources."""
    found = " ".join(argument.split())
    if not 2 <= len(found) <= 180 or "," in found or not found.isprintable():
        raise BadInput(f"{kind}: needs a search of 2 to 180 characters without commas after the colon")
    return found
