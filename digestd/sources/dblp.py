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
from urllib.parse import urlencode

from digestd.domain.paper import PaperId, Sighting, arxiv_id, doi_id
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.dates import midnight, parse_day
from digestd.sources.identifiers import unique_ids
from digestd.sources.json_records import JsonObject, as_list, object_at, parse_count, text_at, text_values, total_at
from digestd.sources.paging import Listing, Place, SearchSource
from digestd.sources.source import (
    ITEMS_MAX,
    RateLimit,
    Request,
    clean_line,
    make_words,
    quote_service,
    venue_name,
    web_url,
)

PAGE_SIZE = 500
LATE = timedelta(days=90)
"""Time after New Year during which papers of last year are still new."""

_KEY = re.compile(r"[a-zA-Z]+(/[\w.:-]{1,80}){1,4}", re.ASCII)
_FORUM = re.compile(r"https?://openreview\.net/forum\?id=([\w-]{3,40})", re.ASCII)
_NO_PAPERS = frozenset({"Editorship", "Reference Works", "Data and Artifacts"})
_WITHDRAWN = "Withdrawn Items"


@dataclass(frozen=True, slots=True)
class Dblp(SearchSource):
    """Results of a dblp search. The mark of a page is the number of years read before."""

    kind = "dblp"
    rate_limit = RateLimit("dblp.org", 2.0, exclusive=True)
    """dblp asks for one or two seconds between requests."""

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the next page. Next year comes first, because journals are ahead of the calendar."""
        start, place = Place.from_cursor(cursor)
        year = since.year + 1 - int(place or 0)
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

    def open(self, found: JsonObject) -> Listing:
        hits = _hits(found)
        return Listing(as_list(hits.get("hit"))[:ITEMS_MAX], total_at(hits, "@total"))

    def total(self, place: Place, answer: Listing) -> int | None:
        """Return None if the total is that of one year of several."""
        del place
        return answer.total if self._names_year else None

    def read(self, record: JsonObject) -> Iterator[Sighting]:
        """Yield the paper of a hit; nothing for a volume, a reference work or data."""
        info = object_at(record, "info")
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
            venue=venue_name(venues[0]) if venues else "",
        )

    def following(self, place: Place, answer: Listing) -> Place | None:
        """Return the page after this one, else the first of the year before."""
        start, years = place.start + len(answer.records), int(place.mark or 0)
        if start < (answer.total or 0):
            return Place(start, str(years)) if answer.records else place
        return None if self._names_year else Place(0, str(years + 1))

    @property
    def _names_year(self) -> bool:
        return "year:" in self.search


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
    return [_without_number(html.unescape(name)) for name in names]


def _without_number(name: str) -> str:
    bare, _, number = name.rpartition(" ")
    return bare.rstrip() if len(number) == 4 and number.isdecimal() else name


def _published(year: str) -> datetime:
    """Return the first day of the year, as no more is known."""
    try:
        return midnight(parse_day(year))
    except ValueError as error:
        raise BadRecord("year", f"{year[:40]!r} is not a year ({error})") from error
