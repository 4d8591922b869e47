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
from typing import Self
from urllib.parse import urlencode

from digestd.domain.paper import AFFILIATIONS_MAX, NAME_MAX, PaperId, Sighting, arxiv_id, doi_id
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.dates import iso_day, published_at
from digestd.sources.identifiers import parse_pmid, unique_ids
from digestd.sources.json_records import (
    JsonObject,
    list_at,
    load_object,
    parse_count,
    read_records,
    text_at,
    text_values,
    total_at,
)
from digestd.sources.source import (
    Page,
    RateLimit,
    Request,
    check_rejects,
    clean_line,
    clean_names,
    https_url,
    make_words,
    quote_service,
    search_query,
    with_subtitle,
)
from digestd.text.html_text import html_to_text

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
class Hal:
    """New deposits that match a search."""

    search: str

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """Create the source from a search query."""
        return cls(search_query("hal", argument))

    @property
    def name(self) -> str:
        """Return `hal:` and the query."""
        return f"hal:{self.search}"

    @property
    def rate_limit(self) -> RateLimit:
        """Return one request per second; no limit is published."""
        return RateLimit("api.archives-ouvertes.fr", 1.0, exclusive=True)

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
            ("cursorMark", _place(cursor)[1]),
            ("wt", "json"),
        ]
        return Request(f"https://api.archives-ouvertes.fr/search/?{urlencode(query)}", fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse one page; request an empty one again if deposits are missing."""
        found = load_object(body)
        if "response" not in found and "error" in found:
            error = found["error"]
            said = quote_service("HAL", error.get("msg") if isinstance(error, dict) else error)
            raise SourceFailed(f"{said}; correct the search as in https://api.archives-ouvertes.fr/docs/search")
        deposits, total = list_at(found, "response", "docs"), total_at(found, "response", "numFound")
        sightings, rejects = read_records(deposits, _sightings)
        before, mark = _place(cursor)
        received, following = before + len(deposits), found.get("nextCursorMark")
        after = None
        if received < total:
            if not deposits:
                after = cursor or "0"
            elif isinstance(following, str) and following not in {"", mark}:
                after = f"{received}@{clean_line(following, 1_000)}"
        return check_rejects(Page(tuple(sightings), after, tuple(rejects), total))


def _place(cursor: str | None) -> tuple[int, str]:
    """Return the number of deposits before a page, and Solr's mark of it."""
    before, _, mark = (cursor or "0").partition("@")
    return int(before), mark or "*"


def _sightings(deposit: JsonObject) -> Iterator[Sighting]:
    """Yield the work."""
    own = text_at(deposit, "halId_s")
    if not _ID.fullmatch(own):
        raise BadRecord("halId_s", f"{own[:80]!r} is not an id like hal-01234567")
    online = iso_day(text_at(deposit, "releasedDate_s")) or iso_day(text_at(deposit, "submittedDate_s"))
    version = parse_count(deposit.get("version_i")) or 1
    pdf = https_url(text_at(deposit, "fileMain_s"))
    yield Sighting(
        ids=_ids(own, deposit),
        words=make_words(
            _title(deposit),
            html_to_text(_first(deposit, "en_abstract_s", "abstract_s")),
            text_values(deposit.get("authFullName_s")),
            [*text_values(deposit.get("domainAllCode_s")), *text_values(deposit.get("keyword_s"))],
        ),
        published=published_at(deposit, "producedDate_s", online),
        version=version,
        announced="new" if version == 1 else "replace",
        url=https_url(text_at(deposit, "uri_s")) or f"https://hal.science/{own}",
        links={"pdf": pdf} if pdf else {},
        day=online,
        venue=clean_line(_first(deposit, "journalTitle_s", "conferenceTitle_s", "bookTitle_s"), NAME_MAX),
        affiliations=clean_names(list(dict.fromkeys(text_values(deposit.get("instStructName_s")))), AFFILIATIONS_MAX),
    )


def _ids(own: str, deposit: JsonObject) -> tuple[PaperId, ...]:
    """Return HAL's id, the arXiv id, the DOI and the PubMed id."""
    named = arxiv_id(_first(deposit, "arxivId_s"))
    doi, pubmed = doi_id(_first(deposit, "doiId_s")), parse_pmid(_first(deposit, "pubmedId_s"))
    return unique_ids([PaperId(f"hal:{own}"), named[0] if named else None, doi, pubmed])


def _first(deposit: JsonObject, *keys: str) -> str:
    """Return the first text under the first of these keys that has one, or ""."""
    return next((text for key in keys for text in text_values(deposit.get(key))), "")


def _title(deposit: JsonObject) -> str:
    title, subtitle = _first(deposit, "en_title_s", "title_s"), _first(deposit, "en_subTitle_s", "subTitle_s")
    return with_subtitle(html_to_text(title), html_to_text(subtitle))
