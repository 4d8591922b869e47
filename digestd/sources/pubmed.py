"""PubMed search: `pubmed:lake ecology[mesh] AND freezing`.

GET https://eutils.ncbi.nlm.nih.gov/entrez/eutils/esearch.fcgi, then efetch.fcgi, documented at
https://www.ncbi.nlm.nih.gov/books/NBK25499/ (E-utilities) and in the PubMed DTD. A search for recent entries
(`edat`) is stored on the server (`usehistory`) and its records are fetched page by page; the cursor tells the two
kinds of answers apart. Errors also arrive with status 200.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from urllib.parse import urlencode

from digestd.domain.paper import Sighting
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.json_records import JsonObject, as_list, load_object, object_at, parse_count, text_at
from digestd.sources.pubmed_article import pmid, read_article
from digestd.sources.retractions import merge_retractions
from digestd.sources.source import Page, RateLimit, Reject, Request, check_rejects, quote_service, reject_of
from digestd.sources.spec_arguments import search_query
from digestd.sources.xml_elements import XmlElements

LATE = timedelta(days=1)
"""Overlap with the last run: dates have no time and are those of Washington."""
PAGE_SIZE = 200
ROOTS = frozenset({"PubmedArticleSet", "eFetchResult"})
MOST = 9_999
"""Maximum number of records that PubMed returns for one search."""

_UTILITIES = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
_DOCTYPE = re.compile(
    rb"""(\s*(?:<\?xml[^<>]{0,200}\?>\s*)?)<!DOCTYPE\s+(?:PubmedArticleSet|eFetchResult)"""
    rb"""(?:\s+(?:PUBLIC\s+"[^"<>\[\]]*"|SYSTEM)\s+"[^"<>\[\]]*")?\s*>"""
)
_ERRORS = ("ERROR", "Error", "error")


@dataclass(frozen=True, slots=True)
class Pubmed:
    """New PubMed entries that match a search."""

    term: str

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """Create the source from a search query."""
        return cls(search_query("pubmed", argument))

    @property
    def name(self) -> str:
        """Return `pubmed:` and the query."""
        return f"pubmed:{self.term}"

    @property
    def rate_limit(self) -> RateLimit:
        """Return two requests per second; three are allowed without a key."""
        return RateLimit("eutils.ncbi.nlm.nih.gov", 0.5, exclusive=True)

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the search, then the pages of its result."""
        if not cursor:
            search = {
                "db": "pubmed",
                "term": self.term,
                "datetype": "edat",
                "mindate": f"{since - LATE:%Y/%m/%d}",
                "maxdate": "3000",
                "usehistory": "y",
                "retmax": "0",
                "retmode": "json",
                "tool": "digestd",
            }
            return Request(f"{_UTILITIES}/esearch.fcgi?{urlencode(search)}", fresh=True)
        place = _Position.from_cursor(cursor)
        fetch = {
            "db": "pubmed",
            "query_key": place.key,
            "WebEnv": place.environment,
            "retstart": str(place.start),
            "retmax": str(PAGE_SIZE),
            "retmode": "xml",
            "tool": "digestd",
        }
        return Request(f"{_UTILITIES}/efetch.fcgi?{urlencode(fetch)}", fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the search result, or one page of records."""
        return _articles(body, cursor) if cursor else _found(body)


@dataclass(frozen=True, slots=True)
class _Position:
    """A page of a search stored on the server; its text form is the cursor."""

    start: int
    count: int
    key: str
    environment: str

    @classmethod
    def from_cursor(cls, cursor: str) -> Self:
        start, count, key, environment = cursor.split("/", 3)
        return cls(int(start), int(count), key, environment)

    def __str__(self) -> str:
        return f"{self.start}/{self.count}/{self.key}/{self.environment}"


def _found(body: bytes) -> Page:
    answer = load_object(body)
    try:
        result = object_at(answer, "esearchresult")
        _refuse_error(answer, result)
        count = parse_count(result.get("count"))
        place = _Position(0, count or 0, text_at(result, "querykey"), text_at(result, "webenv"))
    except BadRecord as error:
        raise SourceFailed(f"the answer is not a search result ({error}); its format has changed") from error
    if count is None or (place.count and not (place.key and place.environment)):
        raise SourceFailed("the answer does not say how many were found, or where; its format has changed")
    too_many = (
        Reject("the search", "count", f"finds {place.count} records, PubMed gives the first {MOST}; narrow the search"),
    )
    return Page(
        next=str(place) if place.count else None, rejects=too_many if place.count > MOST else (), total=place.count
    )


def _refuse_error(answer: JsonObject, result: JsonObject) -> None:
    for part in (answer, result):
        for key in _ERRORS:
            if key in part:
                raise SourceFailed(quote_service("PubMed", part[key]))
    unknown = [str(word) for word in as_list(object_at(result, "errorlist").get("fieldsnotfound"))]
    if unknown:
        raise SourceFailed(f"{quote_service('PubMed', 'unknown field ' + ', '.join(unknown))}; correct the search")


def _articles(body: bytes, cursor: str) -> Page:
    place = _Position.from_cursor(cursor)
    page, read = read_articles(body)
    return check_rejects(Page(merge_retractions(page.sightings), _after(place, read), page.rejects, place.count))


def read_articles(body: bytes) -> tuple[Page, int]:
    """Return the papers of PubMed XML, and the number of records.

    Raises SourceFailed if it is no PubMed XML.
    """
    elements = XmlElements(_without_doctype(body), ROOTS)
    sightings: list[Sighting] = []
    rejects: list[Reject] = []
    read = 0
    for element in elements.read("PubmedArticle", "PubmedBookArticle", "ERROR"):
        if element.tag == "ERROR":
            raise SourceFailed(quote_service("PubMed", element.text or ""))
        read += 1
        try:
            sightings += read_article(element)
        except Exception as error:  # one odd record hides no other
            rejects.append(reject_of(f"PMID {pmid(element)}", error))
    if elements.broken:
        rejects.append(Reject("the answer", "body", elements.broken))
    return Page(tuple(sightings), None, tuple(rejects)), read


def _without_doctype(body: bytes) -> bytes:
    """Remove PubMed's own DOCTYPE, which only names the DTD.

    Any other DOCTYPE, or one with declarations, is left for XmlElements to refuse, so that no entity other
    than XML's own five can be expanded.
    """
    found = _DOCTYPE.match(body[:1_000])
    return found[1] + body[found.end() :] if found else body


def _after(place: _Position, read: int) -> str | None:
    """Return the next cursor, which starts after the records received.

    Records deleted since the search leave a small gap at the end; a larger gap means an empty answer in the
    middle of the result.
    """
    start = place.start + read
    gap = min(place.count, MOST) - start
    is_gap = not read and start > 0 and gap <= max(5, place.count // 20)
    return None if gap <= 0 or is_gap else str(_Position(start, place.count, place.key, place.environment))
