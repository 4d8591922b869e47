"""dblp search: `dblp:stream:conf/nips:`, `dblp:venue:SIGIR: ranking`.

GET https://dblp.org/search/publ/api, documented at
https://dblp.org/faq/How+to+use+the+dblp+search+API.html. dblp gives only the year of a publication, so
the query is limited to the years that can bring news, one after the other; a query that names its year is
left unchanged. The JSON is converted XML: one author is an object and several are a list, numbers are text,
and texts keep their entities. There are no abstracts.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from urllib.parse import urlencode

from digestd.domain.paper import NAME_MAX, PaperId, Sighting, arxiv_id, doi_id
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.dates import midnight, parse_day
from digestd.sources.identifiers import unique_ids
from digestd.sources.json_records import (
    JsonObject,
    as_list,
    load_object,
    object_at,
    parse_count,
    read_records,
    text_at,
    text_values,
    total_at,
)
from digestd.sources.source import (
    ITEMS_MAX,
    Page,
    RateLimit,
    Request,
    check_rejects,
    clean_line,
    make_words,
    quote_service,
    search_query,
    web_url,
)

PAGE_SIZE = 500
LATE = timedelta(days=90)
"""Time after New Year during which papers of last year are still new."""

_KEY = re.compile(r"[a-zA-Z]+(/[\w.:-]{1,80}){1,4}", re.ASCII)
_HOMONYM = re.compile(r"(?<!\s)\s+\d{4}$")
_FORUM = re.compile(r"https?://openreview\.net/forum\?id=([\w-]{3,40})", re.ASCII)
_NO_PAPERS = frozenset({"Editorship", "Reference Works", "Data and Artifacts"})
_WITHDRAWN = "Withdrawn Items"


@dataclass(frozen=True, slots=True)
class Dblp:
    """Results of a dblp search."""

    search: str

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """Create the source from a search query."""
        return cls(search_query("dblp", argument))

    @property
    def name(self) -> str:
        """Return `dblp:` and the query."""
        return f"dblp:{self.search}"

    @property
    def rate_limit(self) -> RateLimit:
        """Return the one or two seconds between requests that dblp asks for."""
        return RateLimit("dblp.org", 2.0, exclusive=True)

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the next page.

        Next year comes first, because journals are ahead of the calendar.
        """
        start, place = _place(cursor)
        year = since.year + 1 - place
        if year < (since - LATE).year:
            return None
        parameters = {
            "q": self.search if self._names_year else f"{self.search} year:{year}:",
            "format": "json",
            "h": str(PAGE_SIZE),
            "f": str(start),
            "c": "0",
        }
        return Request(f"https://dblp.org/search/publ/api?{urlencode(parameters)}", fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse one page; request an empty one again if records are missing."""
        hits = _hits(load_object(body))
        found = as_list(hits.get("hit"))[:ITEMS_MAX]
        total = total_at(hits, "@total")
        sightings, rejects = read_records(found, _sightings)
        start, place = _place(cursor)
        start += len(found)
        if start >= total:
            after = None if self._names_year else f"0@{place + 1}"
        else:
            after = f"{start}@{place}" if found else cursor or "0"
        return check_rejects(Page(tuple(sightings), after, tuple(rejects), total if self._names_year else None))

    @property
    def _names_year(self) -> bool:
        return "year:" in self.search


def _place(cursor: str | None) -> tuple[int, int]:
    """Return the start of a page and the number of years read before."""
    start, _, place = (cursor or "0").partition("@")
    return int(start), int(place or 0)


def _hits(found: JsonObject) -> JsonObject:
    """Return the hits. Raises SourceFailed for an error or another format."""
    try:
        result = object_at(found, "result")
        status = object_at(result, "status")
        hits = object_at(result, "hits")
        message = text_at(status, "text")
    except BadRecord as error:
        raise SourceFailed(f"the answer is not a search result ({error}); its format has changed") from error
    if (parse_count(status.get("@code")) or 200) != 200:
        raise SourceFailed(quote_service("dblp", message))
    return hits


def _sightings(hit: JsonObject) -> Iterator[Sighting]:
    """Yield the paper of a hit; nothing for a volume, a reference work or data."""
    info = object_at(hit, "info")
    kind = text_at(info, "type")
    if kind in _NO_PAPERS:
        return
    key = text_at(info, "key")
    if not _KEY.fullmatch(key):
        raise BadRecord("key", f"{key[:80]!r} is not a key like conf/nips/Example26")
    venues = [html.unescape(venue) for venue in text_values(info.get("venue"))]
    pages = text_values(info.get("ee"))
    yield Sighting(
        ids=unique_ids([PaperId(f"dblp:{key}"), *_named(info, pages)]),
        words=make_words(_title(info), authors=_authors(info), categories=venues),
        published=_published(text_at(info, "year")),
        announced="replace" if kind == _WITHDRAWN else "new",
        url=next(filter(None, map(web_url, pages)), None) or f"https://dblp.org/rec/{key}",
        withdrawn=kind == _WITHDRAWN,
        venue=clean_line(venues[0], NAME_MAX) if venues else "",
    )


def _named(info: JsonObject, pages: list[str]) -> Iterator[PaperId | None]:
    """Return arXiv id, DOI and OpenReview forum from the fields and the paper's links."""
    volume = text_at(info, "volume")
    if "CoRR" in text_values(info.get("venue")) and volume.startswith("abs/"):
        named = arxiv_id(volume.removeprefix("abs/"))
        yield named[0] if named else None
    yield doi_id(text_at(info, "doi"))
    for page in pages:
        named, forum = arxiv_id(page), _FORUM.fullmatch(page)
        yield named[0] if named else PaperId(f"openreview:{forum[1]}") if forum else doi_id(page)


def _title(info: JsonObject) -> str:
    """Return the title without the full stop that dblp appends."""
    return clean_line(html.unescape(text_at(info, "title")), 10_000).removesuffix(".")


def _authors(info: JsonObject) -> list[str]:
    """Return names without the numbers that distinguish homonyms (`Wei Example 0001`)."""
    found = as_list(object_at(info, "authors").get("author"))
    names = text_values([author.get("text") if isinstance(author, dict) else author for author in found])
    return [_HOMONYM.sub("", html.unescape(name)) for name in names]


def _published(year: str) -> datetime:
    """Return the first day of the year, as no more is known."""
    try:
        return midnight(parse_day(year))
    except ValueError as error:
        raise BadRecord("year", f"{year[:40]!r} is not a year ({error})") from error
