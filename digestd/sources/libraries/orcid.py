"""ORCID's public API 3.0: GET BASE/ID/works lists all works in one answer.

https://info.orcid.org/documentation/api-tutorials/api-tutorial-read-data-on-a-record/. There is no way to ask for
changes only, so everything is read each time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from digestd.domain.paper import Sighting
from digestd.errors import BadRecord
from digestd.sources.imports.orcid import sightings_of
from digestd.sources.json_records import (
    JsonObject,
    as_list,
    list_at,
    load_object,
    object_at,
    parse_count,
    require_object,
)
from digestd.sources.json_records import read_records as read_records
from digestd.sources.libraries.entries import as_entry
from digestd.sources.source import Page, RateLimit, Request

SECONDS = 0.5
_ID = re.compile(r"(?:https?://)?(?:www\.|pub\.)?(?:orcid\.org/)?(\d{4}-?\d{4}-?\d{4}-?\d{3}[\dX])/?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OrcidLibrary:
    """Works of an ORCID iD at the API at `base`; there are no versions."""

    base: str
    library_id: str
    since: int = 0

    @property
    def rate_limit(self) -> RateLimit:
        """Return two requests per second; the public API allows more."""
        return RateLimit(urlsplit(self.base).netloc, SECONDS)

    @property
    def is_complete(self) -> bool:
        """Return True: the single answer lists all works."""
        return True

    def request(self, cursor: str | None) -> Request:
        """Return the only request."""
        del cursor
        return Request(f"{self.base}/{self.library_id}/works", {"Accept": "application/json"})

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse each group of works, which are one work listed by several parties."""
        del cursor
        papers, rejects = read_records(list_at(load_object(body), "group"), _sightings)
        return Page(tuple(papers), None, tuple(rejects))

    def next_cursor(self, cursor: str | None, headers: Mapping[str, str]) -> str | None:
        """Return None: there is one page."""
        del cursor, headers
        return None


def parse_library_id(written: str) -> str:
    """Return the iD, given with or without hyphens or address. Raises BadRecord.

    The last character is a check digit (ISO/IEC 7064, MOD 11-2).
    """
    found = _ID.fullmatch(written.strip()[:100])
    digits = found[1].replace("-", "").upper() if found else ""
    if not digits or _check(digits[:-1]) != digits[-1]:
        raise BadRecord(
            "place", f"{written.strip()[:40]!r} is not an ORCID iD; copy it again, like 0000-0002-1825-0097"
        )
    return "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def _check(digits: str) -> str:
    total = 0
    for digit in digits:
        total = (total + int(digit)) * 2
    left = (12 - total % 11) % 11
    return "X" if left == 10 else str(left)


def _sightings(work: JsonObject) -> Iterator[Sighting]:
    """Yield the owner's preferred summary of a group.

    It is identified by the group's lowest put-code.
    """
    summaries = [require_object(one, "work-summary") for one in as_list(work.get("work-summary"))]
    numbers = [found for one in summaries if (found := parse_count(one.get("put-code"))) is not None]
    if not numbers:
        raise BadRecord("put-code", "is missing")
    for paper in sightings_of(work):
        yield as_entry(str(min(numbers)), paper, _created(summaries))


def _created(summaries: list[JsonObject]) -> str:
    """Return the ISO date on which the work was first listed, or "".

    Timestamps are ms since 1970.
    """
    found = [parse_count(object_at(one, "created-date").get("value")) for one in summaries]
    first = min((ms for ms in found if ms is not None and ms < 4_000_000_000_000), default=None)
    return "" if first is None else datetime.fromtimestamp(first / 1000, UTC).date().isoformat()
