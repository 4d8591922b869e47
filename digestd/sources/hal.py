"""HAL, the open archive of France, by search: `hal:domain_s:1.info.info-ai`, `hal:authIdHal_s:ada-lake`.

GET https://api.archives-ouvertes.fr/search/, documented at https://api.archives-ouvertes.fr/docs/search. The search is
one of Solr. Deposits are selected by the day on which they went online: files are moderated first, which takes days.
Pages follow Solr's `cursorMark`, which the last page repeats. Many deposits are of works that came out years ago; those
of more than a year are left out. A record has its texts in several languages; the English one is preferred. A new
version is a deposit of the same work.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from digestd.domain.paper import PaperId, Sighting, arxiv_id, doi_id
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.dates import iso_day, published_at
from digestd.sources.identifiers import parse_pmid, unique_ids
from digestd.sources.json_records import JsonObject, list_at, parse_count, text_at, text_values, total_at
from digestd.sources.paging import Listing, Place, SearchSource
from digestd.sources.source import (
    RateLimit,
    Request,
    affiliations_of,
    https_url,
    make_words,
    pdf_link,
    quote_service,
    venue_name,
    with_subtitle,
)
from digestd.text.markup import html_to_text

LATE = timedelta(days=2)
"""Overlap with the last run: a deposit is found once it has been indexed."""
BACK_FILE = timedelta(days=365)
PAGE_SIZE = 100

_ID = re.compile(r"[a-z][a-z0-9]{1,19}[-_]\d{1,12}")
"""Archives have their own prefixes: `hal-01234567`, `in2p3-01234567`, `ijn_01234567`."""
_FIELDS = (
    "halId_s,title_s,en_title_s,subTitle_s,en_subTitle_s,abstract_s,en_abstract_s,authFullName_s,doiId_s,arxivId_s,"
    "pubmedId_s,journalTitle_s,conferenceTitle_s,bookTitle_s,docType_s,domainAllCode_s,keyword_s,instStructName_s,"
    "uri_s,fileMain_s,version_i,producedDate_s,releasedDate_s,submittedDate_s"
)
_NO_PAPERS = ("IMG", "PHOTO", "VIDEO", "SON", "MAP", "SOFTWARE")
"""Types of deposits that are not asked for."""


@dataclass(frozen=True, slots=True)
class Hal(SearchSource):
    """New deposits that match a search."""

    kind = "hal"
    rate_limit = RateLimit("api.archives-ouvertes.fr", 1.0, exclusive=True)
    """One request per second; no limit is published."""

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the next page."""
        first = (since - LATE).date()
        query = [
            ("q", self.search),
            ("fq", f"releasedDate_tdate:[{first}T00:00:00Z TO *]"),
            ("fq", f"producedDate_tdate:[{first - BACK_FILE}T00:00:00Z TO *]"),
            ("fq", f"-docType_s:({' OR '.join(_NO_PAPERS)})"),
            ("fl", _FIELDS),
            ("rows", str(PAGE_SIZE)),
            ("sort", "docid asc"),
            ("cursorMark", Place.from_cursor(cursor).mark or "*"),
            ("wt", "json"),
        ]
        return Request(f"https://api.archives-ouvertes.fr/search/?{urlencode(query)}", fresh=True)

    def open(self, found: JsonObject) -> Listing:
        """Return the deposits of a page."""
        if "response" not in found and "error" in found:
            error = found["error"]
            said = quote_service("HAL", error.get("msg") if isinstance(error, dict) else error)
            raise SourceFailed(f"{said}; correct the search as in https://api.archives-ouvertes.fr/docs/search")
        deposits, total = list_at(found, "response", "docs"), total_at(found, "response", "numFound")
        return Listing(deposits, total, found.get("nextCursorMark"))

    def read(self, record: JsonObject) -> Iterator[Sighting]:
        """Yield the work."""
        own = text_at(record, "halId_s")
        if not _ID.fullmatch(own):
            raise BadRecord("halId_s", f"{own[:80]!r} is not an id like hal-01234567")
        online = iso_day(text_at(record, "releasedDate_s")) or iso_day(text_at(record, "submittedDate_s"))
        version = parse_count(record.get("version_i")) or 1
        named = arxiv_id(_first(record, "arxivId_s"))
        doi, pubmed = doi_id(_first(record, "doiId_s")), parse_pmid(_first(record, "pubmedId_s"))
        yield Sighting(
            ids=unique_ids([PaperId(f"hal:{own}"), named[0] if named else None, doi, pubmed]),
            words=make_words(
                _title(record),
                html_to_text(_first(record, "en_abstract_s", "abstract_s")),
                text_values(record.get("authFullName_s")),
                [*text_values(record.get("domainAllCode_s")), *text_values(record.get("keyword_s"))],
            ),
            published=published_at(record, "producedDate_s", online),
            version=version,
            announced="new" if version == 1 else "replace",
            url=https_url(text_at(record, "uri_s")) or f"https://hal.science/{own}",
            links=pdf_link(text_at(record, "fileMain_s")),
            day=online,
            venue=venue_name(_first(record, "journalTitle_s", "conferenceTitle_s", "bookTitle_s")),
            affiliations=affiliations_of(text_values(record.get("instStructName_s"))),
        )


def _first(deposit: JsonObject, *keys: str) -> str:
    """Return the first text under the first of these keys that has one, or ""."""
    return next((text for key in keys for text in text_values(deposit.get(key))), "")


def _title(deposit: JsonObject) -> str:
    title, subtitle = _first(deposit, "en_title_s", "title_s"), _first(deposit, "en_subTitle_s", "subTitle_s")
    return with_subtitle(html_to_text(title), html_to_text(subtitle))
