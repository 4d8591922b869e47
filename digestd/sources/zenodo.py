"""Publications at Zenodo by search: `zenodo:lakes AND communities:limnology`.

GET https://zenodo.org/api/records, documented at https://developers.zenodo.org/#records; the search syntax at
https://help.zenodo.org/guides/search/. The newest deposits come first, so paging ends at the time of the last run. A
guest gets 25 records a page and 30 searches a minute. Each version has a DOI of its own, and all share another.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from urllib.parse import urlencode

from digestd.domain.paper import AFFILIATIONS_MAX, NAME_MAX, Sighting, doi_id
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.dates import iso_day, published_at
from digestd.sources.identifiers import unique_ids
from digestd.sources.json_records import (
    JsonObject,
    list_at,
    load_object,
    object_at,
    objects_at,
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
)
from digestd.text.html_text import html_to_text
from digestd.text.people import natural_name

LATE = timedelta(days=1)
"""Overlap with the last run: a record is found some time after its deposit."""
BACK_FILE = timedelta(days=365)
PAGE_SIZE = 25
MOST = 10_000
"""Maximum number of records that numbered pages reach."""

_KEYWORDS = re.compile(r"[;,]")


@dataclass(frozen=True, slots=True)
class Zenodo:
    """New publications that match a search."""

    search: str

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """Create the source from a search query."""
        return cls(search_query("zenodo", argument))

    @property
    def name(self) -> str:
        """Return `zenodo:` and the query."""
        return f"zenodo:{self.search}"

    @property
    def rate_limit(self) -> RateLimit:
        """Return fewer than the 30 searches per minute that are allowed."""
        return RateLimit("zenodo.org", 2.5, exclusive=True)

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the next page, or None once its records are older than the last run."""
        page, oldest = _place(cursor)
        if oldest and oldest < str((since - LATE).date()):
            return None
        query = {
            "q": f"({self.search}) AND publication_date:[{(since - BACK_FILE).date()} TO *]",
            "type": "publication",
            "sort": "mostrecent",
            "size": str(PAGE_SIZE),
            "page": str(page),
        }
        return Request(f"https://zenodo.org/api/records?{urlencode(query)}", fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse one page; request an empty one again if records are missing."""
        found = load_object(body)
        if "hits" not in found and "message" in found:
            raise SourceFailed(quote_service("Zenodo", found["message"]))
        records, total = list_at(found, "hits", "hits"), total_at(found, "hits", "total")
        sightings, rejects = read_records(records, _sightings)
        page, _ = _place(cursor)
        after = None
        if page * PAGE_SIZE < min(total, MOST):
            after = f"{page + 1}@{_oldest(records)}" if records else cursor or "0"
        return check_rejects(Page(tuple(sightings), after, tuple(rejects)))


def _place(cursor: str | None) -> tuple[int, str]:
    """Return the number of a page, and the day of the oldest record before it."""
    page, _, oldest = (cursor or "1").partition("@")
    return max(int(page), 1), oldest


def _oldest(records: list[object]) -> str:
    """Return the day of deposit of the last record of a page, or "" if it does not say."""
    last = records[-1]
    created = iso_day(str(last.get("created"))) if isinstance(last, dict) else None
    return str(created) if created else ""


def _sightings(record: JsonObject) -> Iterator[Sighting]:
    said = object_at(record, "metadata")
    own = doi_id(text_at(record, "doi") or text_at(said, "doi"))
    if own is None:
        raise BadRecord("doi", f"{text_at(record, 'doi')[:80]!r} is not a DOI")
    created, version = iso_day(text_at(record, "created")), _version(said)
    pdf = _pdf(record)
    yield Sighting(
        ids=unique_ids([own, doi_id(text_at(record, "conceptdoi"))]),
        words=make_words(
            html_to_text(text_at(said, "title")),
            html_to_text(text_at(said, "description")),
            [natural_name(text_at(one, "name")) for one in objects_at(said, "creators")],
            [word.strip() for text in text_values(said.get("keywords")) for word in _KEYWORDS.split(text)],
        ),
        published=published_at(said, "publication_date", created),
        version=version,
        announced="new" if version == 1 else "replace",
        url=https_url(f"https://doi.org/{own.removeprefix('doi:')}") if own.startswith("doi:") else None,
        links={"pdf": pdf} if pdf else {},
        day=created,
        venue=_venue(said),
        affiliations=_affiliations(said),
    )


def _version(said: JsonObject) -> int:
    """Return which version of the work it is, from 1."""
    first = next(iter(objects_at(object_at(said, "relations"), "version")), {})
    return (parse_count(first.get("index")) or 0) + 1


def _pdf(record: JsonObject) -> str | None:
    """Return the address of the first PDF among the files."""
    files = (one for one in objects_at(record, "files") if text_at(one, "key").lower().endswith(".pdf"))
    return next(filter(None, (https_url(text_at(object_at(one, "links"), "self")) for one in files)), None)


def _venue(said: JsonObject) -> str:
    journal, meeting = object_at(said, "journal"), object_at(said, "meeting")
    return clean_line(text_at(journal, "title") or text_at(meeting, "title"), NAME_MAX)


def _affiliations(said: JsonObject) -> tuple[str, ...]:
    names = [text_at(one, "affiliation") for one in objects_at(said, "creators")]
    return clean_names(list(dict.fromkeys(filter(None, names))), AFFILIATIONS_MAX)
