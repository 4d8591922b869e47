"""Publications at Zenodo by search: `zenodo:lakes AND communities:limnology`.

GET https://zenodo.org/api/records, documented at https://developers.zenodo.org/#records; the search syntax at
https://help.zenodo.org/guides/search/. The newest deposits come first, so paging ends at the time of the last run. A
guest gets 25 records a page and 30 searches a minute. Each version has a DOI of its own, and all share another.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from digestd.domain.paper import Sighting, doi_id
from digestd.errors import SourceFailed
from digestd.sources.dates import iso_day, published_at
from digestd.sources.identifiers import doi_at, doi_page, unique_ids
from digestd.sources.json_records import (
    JsonObject,
    list_at,
    object_at,
    objects_at,
    parse_count,
    text_at,
    text_values,
    total_at,
)
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
)
from digestd.text.markup import html_to_text
from digestd.text.people import natural_name

LATE = timedelta(days=1)
"""Overlap with the last run: a record is found some time after its deposit."""
BACK_FILE = timedelta(days=365)
PAGE_SIZE = 25
MOST = 10_000
"""Maximum number of records that numbered pages reach."""


@dataclass(frozen=True, slots=True)
class Zenodo(SearchSource):
    """New publications that match a search."""

    kind = "zenodo"
    rate_limit = RateLimit("zenodo.org", 2.5, exclusive=True)
    """Fewer than the 30 searches per minute that are allowed."""
    page_size = PAGE_SIZE
    most = MOST

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the next page, or None once its records are older than the last run."""
        page, oldest = Place.from_cursor(cursor)
        if oldest and oldest < str((since - LATE).date()):
            return None
        query = {
            "q": f"({self.search}) AND publication_date:[{(since - BACK_FILE).date()} TO *]",
            "type": "publication",
            "sort": "mostrecent",
            "size": str(PAGE_SIZE),
            "page": str(max(page, 1)),
        }
        return Request(f"https://zenodo.org/api/records?{urlencode(query)}", fresh=True)

    def open(self, found: JsonObject) -> Listing:
        """Return the records of a page, and the day of the last one's deposit as the mark."""
        if "hits" not in found and "message" in found:
            raise SourceFailed(quote_service("Zenodo", found["message"]))
        records, total = list_at(found, "hits", "hits"), total_at(found, "hits", "total")
        last = records[-1] if records else None
        created = iso_day(str(last.get("created"))) if isinstance(last, dict) else None
        return Listing(records, total, str(created) if created else "")

    def total(self, place: Place, answer: Listing) -> None:
        """Return None: the total counts the old records too."""

    def read(self, record: JsonObject) -> Iterator[Sighting]:
        """Yield the publication."""
        said = object_at(record, "metadata")
        own = doi_at(record if text_at(record, "doi") else said, "doi")
        created, version = iso_day(text_at(record, "created")), _version(said)
        yield Sighting(
            ids=unique_ids([own, doi_id(text_at(record, "conceptdoi"))]),
            words=make_words(
                html_to_text(text_at(said, "title")),
                html_to_text(text_at(said, "description")),
                [natural_name(text_at(one, "name")) for one in objects_at(said, "creators")],
                [
                    word.strip()
                    for text in text_values(said.get("keywords"))
                    for word in text.replace(";", ",").split(",")
                ],
            ),
            published=published_at(said, "publication_date", created),
            version=version,
            announced="new" if version == 1 else "replace",
            url=doi_page([own]),
            links=pdf_link(_pdf(record)),
            day=created,
            venue=_venue(said),
            affiliations=affiliations_of(text_at(one, "affiliation") for one in objects_at(said, "creators")),
        )


def _version(said: JsonObject) -> int:
    """Return which version of the work it is, from 1."""
    first = next(iter(objects_at(object_at(said, "relations"), "version")), {})
    return (parse_count(first.get("index")) or 0) + 1


def _pdf(record: JsonObject) -> str | None:
    files = (one for one in objects_at(record, "files") if text_at(one, "key").lower().endswith(".pdf"))
    return next(filter(https_url, (text_at(object_at(one, "links"), "self") for one in files)), None)


def _venue(said: JsonObject) -> str:
    journal, meeting = object_at(said, "journal"), object_at(said, "meeting")
    return venue_name(text_at(journal, "title") or text_at(meeting, "title"))
