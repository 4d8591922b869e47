"""dblp by a search: `dblp:stream:conf/nips:`, `dblp:venue:SIGIR: ranking`.

https://dblp.org/faq/How+to+use+the+dblp+search+API.html. dblp tells no more of a date than the
year, so the search is narrowed to the years that can bring news, one after the other; a search that
names its year is left alone. Its JSON is XML in disguise: one author is an object and several are
a list, numbers are text, and text keeps its entities. There are no abstracts.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from urllib.parse import urlencode

from digestd.domain.paper import PaperId, Sighting, arxiv_id, doi_id
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.arxiv_api import unique
from digestd.sources.dates import day, midnight
from digestd.sources.json_records import Object, load, many, number, part, read, text, texts
from digestd.sources.source import ITEMS_MAX, Pace, Page, Request, reported, squeeze, trusted, web_url, words
from digestd.sources.spec_arguments import query

PAGE_SIZE = 500
LATE = timedelta(days=90)
"""What is of last year may come so long into the next."""

_KEY = re.compile(r"[a-zA-Z]+(/[\w.:-]{1,80}){1,4}", re.ASCII)
_HOMONYM = re.compile(r"(?<!\s)\s+\d{4}$")
_FORUM = re.compile(r"https?://openreview\.net/forum\?id=([\w-]{3,40})", re.ASCII)
_NO_PAPERS = frozenset({"Editorship", "Reference Works", "Data and Artifacts"})
_WITHDRAWN = "Withdrawn Items"


@dataclass(frozen=True, slots=True)
class Dblp:
    """What dblp finds for a search."""

    search: str

    @classmethod
    def of(cls, argument: str) -> Self:
        """Of a spec's search."""
        return cls(query("dblp", argument))

    @property
    def name(self) -> str:
        """`dblp:` and the search."""
        return f"dblp:{self.search}"

    @property
    def pace(self) -> Pace:
        """dblp asks for one or two seconds between calls."""
        return Pace("dblp.org", 2.0, alone=True)

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """The next page; journals are ahead of the calendar, so next year comes first."""
        start, place = _place(cursor)
        year = since.year + 1 - place
        if year < (since - LATE).year:
            return None
        asked = {
            "q": self.search if self._names_year else f"{self.search} year:{year}:",
            "format": "json",
            "h": str(PAGE_SIZE),
            "f": str(start),
            "c": "0",
        }
        return Request(f"https://dblp.org/search/publ/api?{urlencode(asked)}", fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Read one page; an empty one before all have come is to be asked for again."""
        hits = _hits(load(body))
        found = many(hits.get("hit"))[:ITEMS_MAX]
        total = number(hits.get("@total"))
        if total is None:
            raise SourceFailed("the answer does not say how many were found; its form has changed")
        sightings, rejects = read(found, _sightings)
        start, place = _place(cursor)
        start += len(found)
        if start >= total:
            after = None if self._names_year else f"0@{place + 1}"
        else:
            after = f"{start}@{place}" if found else cursor or "0"
        return trusted(Page(tuple(sightings), after, tuple(rejects), total if self._names_year else None))

    @property
    def _names_year(self) -> bool:
        return "year:" in self.search


def _place(cursor: str | None) -> tuple[int, int]:
    """Where a page starts, and how many years were read before."""
    start, _, place = (cursor or "0").partition("@")
    return int(start), int(place or 0)


def _hits(found: Object) -> Object:
    """The hits. Raises SourceFailed where the answer is an error, or of another form."""
    try:
        result = part(found, "result")
        status = part(result, "status")
        hits = part(result, "hits")
        told = text(status, "text")
    except BadRecord as error:
        raise SourceFailed(f"the answer is no search result ({error}); its form has changed") from error
    if (number(status.get("@code")) or 200) != 200:
        raise SourceFailed(reported("dblp", told))
    return hits


def _sightings(hit: Object) -> Iterator[Sighting]:
    """What a hit says; nothing where it is a volume, a reference work or data."""
    info = part(hit, "info")
    kind = text(info, "type")
    if kind in _NO_PAPERS:
        return
    key = text(info, "key")
    if not _KEY.fullmatch(key):
        raise BadRecord("key", f"{key[:80]!r} is no key like conf/nips/Example26")
    venues = [html.unescape(venue) for venue in texts(info.get("venue"))]
    pages = texts(info.get("ee"))
    yield Sighting(
        ids=unique([PaperId(f"dblp:{key}"), *_named(info, pages)]),
        words=words(_title(info), authors=_authors(info), categories=venues),
        published=_published(text(info, "year")),
        announced="replace" if kind == _WITHDRAWN else "new",
        url=next(filter(None, map(web_url, pages)), None) or f"https://dblp.org/rec/{key}",
        withdrawn=kind == _WITHDRAWN,
    )


def _named(info: Object, pages: list[str]) -> Iterator[PaperId | None]:
    """arXiv id, DOI and forum, from the fields and from the addresses of the paper's pages."""
    volume = text(info, "volume")
    if "CoRR" in texts(info.get("venue")) and volume.startswith("abs/"):
        named = arxiv_id(volume.removeprefix("abs/"))
        yield named[0] if named else None
    yield doi_id(text(info, "doi"))
    for page in pages:
        named, forum = arxiv_id(page), _FORUM.fullmatch(page)
        yield named[0] if named else PaperId(f"openreview:{forum[1]}") if forum else doi_id(page)


def _title(info: Object) -> str:
    """Without the full stop that dblp ends every title with."""
    return squeeze(html.unescape(text(info, "title")), 10_000).removesuffix(".")


def _authors(info: Object) -> list[str]:
    """Names without the numbers that tell homonyms apart (`Wei Example 0001`)."""
    found = many(part(info, "authors").get("author"))
    names = texts([author.get("text") if isinstance(author, dict) else author for author in found])
    return [_HOMONYM.sub("", html.unescape(name)) for name in names]


def _published(year: str) -> datetime:
    """The first day of the year, as nothing more is known."""
    try:
        return midnight(day(year))
    except ValueError as error:
        raise BadRecord("year", f"{year[:40]!r} is no year ({error})") from error
