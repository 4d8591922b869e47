"""ORCID's public API, version 3.0: the works that somebody lists, all in one answer.

https://info.orcid.org/documentation/api-tutorials/api-tutorial-read-data-on-a-record/. Nothing tells what has changed,
so all is read each time.
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
    """The works of one iD at the API at `base`; there are no versions."""

    base: str
    library_id: str
    since: int = 0

    @property
    def rate_limit(self) -> RateLimit:
        """The public API takes more, but this is enough."""
        return RateLimit(urlsplit(self.base).netloc, SECONDS)

    @property
    def is_complete(self) -> bool:
        """The one answer lists all works."""
        return True

    def request(self, cursor: str | None) -> Request:
        """There is one page."""
        del cursor
        return Request(f"{self.base}/{self.library_id}/works", {"Accept": "application/json"})

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Each group of works, which are one work as several have listed it."""
        del cursor
        told, rejects = read_records(list_at(load_object(body), "group"), _sightings)
        return Page(tuple(told), None, tuple(rejects))

    def next_cursor(self, cursor: str | None, headers: Mapping[str, str]) -> str | None:
        """Nothing follows."""
        del cursor, headers
        return None


def parse_library_id(written: str) -> str:
    """The iD that is written, with or without dashes or the address before it. Raises BadRecord.

    The last character proves the others (ISO/IEC 7064, MOD 11-2).
    """
    found = _ID.fullmatch(written.strip()[:100])
    digits = found[1].replace("-", "").upper() if found else ""
    if not digits or _check(digits[:-1]) != digits[-1]:
        raise BadRecord(
            "parse_library_id", f"{written.strip()[:40]!r} is not an ORCID iD; copy it again, like 0000-0002-1825-0097"
        )
    return "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def _check(digits: str) -> str:
    total = 0
    for digit in digits:
        total = (total + int(digit)) * 2
    left = (12 - total % 11) % 11
    return "X" if left == 10 else str(left)


def _sightings(work: JsonObject) -> Iterator[Sighting]:
    """Of a group, the summary its owner prefers; the group is called by the lowest number in it, which stays."""
    summaries = [require_object(one, "work-summary") for one in as_list(work.get("work-summary"))]
    numbers = [found for one in summaries if (found := parse_count(one.get("put-code"))) is not None]
    if not numbers:
        raise BadRecord("put-code", "is missing")
    for paper in sightings_of(work):
        yield as_entry(str(min(numbers)), paper, _created(summaries))


def _created(summaries: list[JsonObject]) -> str:
    """The day on which the work was first listed; instants are in milliseconds since 1970."""
    found = [parse_count(object_at(one, "created-date").get("value")) for one in summaries]
    first = min((ms for ms in found if ms is not None and ms < 4_000_000_000_000), default=None)
    return "" if first is None else datetime.fromtimestamp(first / 1000, UTC).date().isoformat()
