"""Europe PMC search: `europepmc:"frozen lakes" AND SRC:PPR`.

GET https://www.ebi.ac.uk/europepmc/webservices/rest/search, documented at https://europepmc.org/RestfulWebService; the
search syntax at https://europepmc.org/searchsyntax. It holds PubMed, PubMed Central and the preprint servers of the
life sciences. Entries are selected by the day Europe PMC first indexed them (`FIRST_IDATE`) and pages follow
`cursorMark`, which the last page leaves out or repeats. Retraction notices withdraw the article that they are about;
errata and patents are skipped.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from digestd.domain.paper import PaperId, Sighting, doi_id
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.dates import iso_day, midnight
from digestd.sources.identifiers import doi_page, parse_pmcid, parse_pmid, unique_ids
from digestd.sources.json_records import (
    JsonObject,
    as_list,
    list_at,
    object_at,
    objects_at,
    parse_count,
    text_at,
    text_values,
)
from digestd.sources.paging import Listing, Place, SearchSource
from digestd.sources.pubmed import plain_title
from digestd.sources.retractions import retraction
from digestd.sources.source import RateLimit, Request, clean_line, https_url, make_words, quote_service, venue_name
from digestd.text.markup import html_to_text, without_typesetting
from digestd.text.people import indexed_name

LATE = timedelta(days=2)
"""Overlap with the last run: the day of indexing has no time."""
BACK_FILE = timedelta(days=365)
AHEAD = timedelta(days=3_650)
PAGE_SIZE = 100

_NO_PAPERS = frozenset({"PAT"})
_RETRACTED = frozenset({"retracted publication", "preprint withdrawal", "preprint removal"})
_NOTICES = frozenset(
    {"published erratum", "correction", "expression of concern", "retraction", "retraction notice",
     "retraction of publication"}
)  # fmt: skip
_RECORD = re.compile(r"[A-Za-z0-9./_-]{1,80}")
_LABEL = re.compile(r"<h4>\s{0,9}([^<>]{1,80}?)\s{0,9}[:.]?\s{0,9}</h4>")


@dataclass(frozen=True, slots=True)
class EuropePmc(SearchSource):
    """New Europe PMC entries that match a search."""

    kind = "europepmc"
    rate_limit = RateLimit("www.ebi.ac.uk", 1.0, exclusive=True)
    """One request per second; no limit is published."""
    has_notices = True

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the next page."""
        first, end = (since - LATE).date(), (since + AHEAD).date()
        days = f"FIRST_IDATE:[{first} TO {end}] AND FIRST_PDATE:[{first - BACK_FILE} TO {end}]"
        query = {
            "query": f"({self.search}) AND {days}",
            "resultType": "core",
            "format": "json",
            "pageSize": str(PAGE_SIZE),
            "cursorMark": Place.from_cursor(cursor).mark or "*",
        }
        return Request(f"https://www.ebi.ac.uk/europepmc/webservices/rest/search?{urlencode(query)}", fresh=True)

    def open(self, found: JsonObject) -> Listing:
        """Return the entries of a page."""
        if "resultList" not in found and "errMsg" in found:
            raise SourceFailed(quote_service("Europe PMC", found["errMsg"]))
        entries = list_at(found, "resultList", "result")
        return Listing(entries, parse_count(found.get("hitCount")), found.get("nextCursorMark"))

    def read(self, record: JsonObject) -> Iterator[Sighting]:
        """Yield the entry, or the articles that it retracts if it is a notice."""
        named = text_values(object_at(record, "pubTypeList").get("pubType")) or text_at(record, "pubType").split(";")
        kinds = {kind.strip().lower() for kind in named}
        if text_at(record, "source") in _NO_PAPERS:
            return
        if retracted := _related(record, "retraction of"):
            for original in filter(None, retracted):
                yield retraction(original, _title(record), _indexed(record))
        elif not kinds & _NOTICES:
            yield _sighting(record, is_withdrawn=bool(kinds & _RETRACTED or _related(record, "retraction in")))


def _related(entry: JsonObject, kind: str) -> list[PaperId | None]:
    """Return the PubMed ids of related entries, None for those that PubMed has not."""
    found = as_list(object_at(entry, "commentCorrectionList").get("commentCorrection"))
    return [
        parse_pmid(text_at(one, "id")) if text_at(one, "source") == "MED" else None
        for one in found
        if isinstance(one, dict) and text_at(one, "type").lower() == kind
    ]


def _sighting(entry: JsonObject, *, is_withdrawn: bool) -> Sighting:
    ids, indexed = _ids(entry), _indexed(entry)
    return Sighting(
        ids=ids,
        words=make_words(
            _title(entry),
            html_to_text(_LABEL.sub(r" \1: ", without_typesetting(text_at(entry, "abstractText")))),
            _authors(entry),
            [*filter(None, [_venue(entry)]), *text_values(object_at(entry, "keywordList").get("keyword"))],
        ),
        published=_published(entry, indexed),
        announced="replace" if is_withdrawn else "new",
        url=_page(entry, ids),
        day=indexed,
        withdrawn=is_withdrawn,
        venue=_venue(entry),
    )


def _ids(entry: JsonObject) -> tuple[PaperId, ...]:
    """Return PubMed id, DOI and PubMed Central id, or Europe PMC's own."""
    found = unique_ids(
        [
            parse_pmid(text_at(entry, "pmid")),
            doi_id(text_at(entry, "doi")),
            parse_pmcid(text_at(entry, "pmcid")),
        ]
    )
    return found or (PaperId(f"europepmc:{_record(entry)}"),)


def _record(entry: JsonObject) -> str:
    """Return Europe PMC's name of an entry, `MED/12345`. Raises BadRecord."""
    name = f"{text_at(entry, 'source')}/{text_at(entry, 'id')}"
    if not _RECORD.fullmatch(name):
        raise BadRecord("id", f"{name[:80]!r} is not a name like MED/12345")
    return name


def _page(entry: JsonObject, ids: tuple[PaperId, ...]) -> str | None:
    return doi_page(ids) or https_url(f"https://europepmc.org/article/{_record(entry)}")


def _title(entry: JsonObject) -> str:
    return plain_title(clean_line(html_to_text(text_at(entry, "title")), 10_000))


def _authors(entry: JsonObject) -> list[str]:
    """Return `Forename Lastname`, or the name of a group; without a list, the names of `Smith J, Li B.`"""
    if found := objects_at(object_at(entry, "authorList"), "author"):
        return [text_at(author, "collectiveName") or _name(author) for author in found]
    return [indexed_name(name) for name in text_at(entry, "authorString").rstrip(". ").split(", ")]


def _name(author: JsonObject) -> str:
    given = text_at(author, "firstName") or text_at(author, "initials")
    family = text_at(author, "lastName")
    return f"{given} {family}" if family else indexed_name(text_at(author, "fullName"))


def _venue(entry: JsonObject) -> str:
    journal = object_at(object_at(entry, "journalInfo"), "journal")
    book = object_at(entry, "bookOrReportDetails")
    return venue_name(html_to_text(text_at(journal, "title") or text_at(book, "publisher")))


def _indexed(entry: JsonObject) -> date | None:
    """Return the day on which Europe PMC indexed the entry, by which the search selects."""
    return iso_day(text_at(entry, "firstIndexDate"))


def _published(entry: JsonObject, indexed: date | None) -> datetime:
    for key in ("electronicPublicationDate", "firstPublicationDate", "pubYear"):
        if found := iso_day(text_at(entry, key), indexed):
            return midnight(found)
    if indexed is None:
        raise BadRecord("firstPublicationDate", "no date that can be read")
    return midnight(indexed)
