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
from digestd.sources.json_records import Object, an_object, load, many, number, part, records
from digestd.sources.json_records import read as read_records
from digestd.sources.libraries.entries import put
from digestd.sources.source import Pace, Page, Request

SECONDS = 0.5
_ID = re.compile(r"(?:https?://)?(?:www\.|pub\.)?(?:orcid\.org/)?(\d{4}-?\d{4}-?\d{4}-?\d{3}[\dX])/?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OrcidShelf:
    """The works of one iD at the API at `base`; there are no versions."""

    base: str
    place: str
    since: int = 0

    @property
    def pace(self) -> Pace:
        """The public API takes more, but this is enough."""
        return Pace(urlsplit(self.base).netloc, SECONDS)

    @property
    def is_whole(self) -> bool:
        """The one answer lists all works."""
        return True

    def request(self, cursor: str | None) -> Request:
        """There is one page."""
        del cursor
        return Request(f"{self.base}/{self.place}/works", {"Accept": "application/json"})

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Each group of works, which are one work as several have listed it."""
        del cursor
        told, rejects = read_records(records(load(body), "group"), _sightings)
        return Page(tuple(told), None, tuple(rejects))

    def after(self, cursor: str | None, headers: Mapping[str, str]) -> str | None:
        """Nothing follows."""
        del cursor, headers
        return None


def place(written: str) -> str:
    """The iD that is written, with or without dashes or the address before it. Raises BadRecord.

    The last character proves the others (ISO/IEC 7064, MOD 11-2).
    """
    found = _ID.fullmatch(written.strip()[:100])
    digits = found[1].replace("-", "").upper() if found else ""
    if not digits or _check(digits[:-1]) != digits[-1]:
        raise BadRecord("place", f"{written.strip()[:40]!r} is no ORCID iD; copy it anew, like 0000-0002-1825-0097")
    return "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def _check(digits: str) -> str:
    total = 0
    for digit in digits:
        total = (total + int(digit)) * 2
    left = (12 - total % 11) % 11
    return "X" if left == 10 else str(left)


def _sightings(work: Object) -> Iterator[Sighting]:
    """Of a group, the summary its owner prefers; the group is called by the lowest number in it, which stays."""
    summaries = [an_object(one, "work-summary") for one in many(work.get("work-summary"))]
    numbers = [found for one in summaries if (found := number(one.get("put-code"))) is not None]
    if not numbers:
        raise BadRecord("put-code", "is missing")
    for paper in sightings_of(work):
        yield put(str(min(numbers)), paper, _created(summaries))


def _created(summaries: list[Object]) -> str:
    """The day on which the work was first listed; instants are in milliseconds since 1970."""
    found = [number(part(one, "created-date").get("value")) for one in summaries]
    first = min((ms for ms in found if ms is not None and ms < 4_000_000_000_000), default=None)
    return "" if first is None else datetime.fromtimestamp(first / 1000, UTC).date().isoformat()
