"""Papers of an OpenReview venue: `openreview:ICLR.cc/2027/Conference`, `openreview:TMLR`.

GET https://api2.openreview.net/notes, documented at https://docs.openreview.net/reference/api-v2. API 1 has bare
values where API 2 has {"value": …}; both are parsed. Papers become public long after they were created, so the
latest changes are requested first (`sort=tmdate:desc`), until those before the last run. A withdrawn paper moves
to another venue id: one page of those is read after the first page of papers. A paper that leaves the venue between two
requests moves all later ones up, so each page begins a little before the end of the one before. A venue without papers
is looked up (GET /groups), so that a mistyped one is reported.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import quote, urlencode, urljoin

from digestd.domain.paper import PaperId, Sighting, arxiv_id, doi_id
from digestd.errors import BadInput, BadRecord, SourceFailed
from digestd.sources.identifiers import unique_ids
from digestd.sources.json_records import (
    JsonObject,
    as_list,
    list_at,
    load_object,
    object_at,
    parse_count,
    text_at,
    text_values,
)
from digestd.sources.paging import Listing, PagedSource, Place
from digestd.sources.source import (
    Page,
    RateLimit,
    Request,
    make_words,
    quote_service,
    venue_name,
    web_url,
)

PAGE_SIZE = 500
OVERLAP = timedelta(hours=1)
HALF_YEAR = timedelta(days=183)
PAGE_OVERLAP = 0.04
"""Share of a page that is requested again with the next."""

_VENUE = re.compile(r"[\w.-]+(/[\w.~-]+){0,8}", re.ASCII)
_FORUM = re.compile(r"[\w-]{3,40}", re.ASCII)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,20});", re.IGNORECASE)
_ASIDE = "withdrawn "
"""Before the mark of the second page: the page of withdrawn papers, which is read before it."""
_VENUE_LOOKUP, _PARENT_LOOKUP = "venue", "venue parent"
"""Marks of the requests for the group of a venue without papers."""
_REMEDY = "take the id from the address of the venue's page, https://openreview.net/group?id=…"
_CONFERENCES = {
    **{"iclr": "ICLR.cc", "icml": "ICML.cc", "neurips": "NeurIPS.cc", "nips": "NeurIPS.cc"},
    **{"aistats": "aistats.org/AISTATS", "uai": "auai.org/UAI", "colm": "colmweb.org/COLM"},
    **{"corl": "robot-learning.org/CoRL", "cvpr": "thecvf.com/CVPR", "eccv": "thecvf.com/ECCV"},
}
"""How the ids of conferences begin, by acronym."""
_BIBTEX = re.compile(r"\b(?:eprint|doi)\s*=\s*[{\"]([^{}\"]{1,400})[}\"]", re.IGNORECASE)


def full_venue(venue: str, now: datetime) -> str:
    """Return the full id of a conference if only its acronym is given, perhaps with a year, else an empty text.

    Without a year it is that of the conference whose papers come within about half a year.
    """
    words = re.split(r"[./_-]", venue.casefold())
    year = next((word for word in words if re.fullmatch(r"20\d\d", word)), str((now + HALF_YEAR).year))
    known = next((_CONFERENCES[word] for word in words if word in _CONFERENCES), None)
    is_full = re.search(r"/20\d\d/.", venue) is not None
    return "" if known is None or is_full else f"{known}/{year}/Conference"


@dataclass(frozen=True, slots=True)
class Openreview(PagedSource):
    """The public papers of a venue. The mark of a page is when the last note before it changed, in ms since 1970."""

    venue: str

    rate_limit = RateLimit("openreview.net", 4.0, exclusive=True)
    """15 requests per minute: guests had 20 in 2026, and the limit changes."""

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        if len(argument) > 180 or not _VENUE.fullmatch(argument):
            raise BadInput(f"openreview: {argument[:80]!r} is not a venue id; write one like ICLR.cc/2027/Conference")
        return cls(argument)

    @property
    def name(self) -> str:
        return f"openreview:{self.venue}"

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the next page, or None once notes have not changed since the last run."""
        start, mark = Place.from_cursor(cursor)
        if mark in {_VENUE_LOOKUP, _PARENT_LOOKUP}:
            return _group(self.venue if mark == _VENUE_LOOKUP else self._parent())
        if mark.startswith(_ASIDE):
            return _notes(f"{self.venue.removesuffix('/Submission')}/Withdrawn_Submission", 0)
        if mark and int(mark) < (since - OVERLAP).timestamp() * 1_000:
            return None
        return _notes(self.venue, start)

    def open(self, found: JsonObject) -> Listing:
        """Return the notes of a page, and when the last one changed as the mark."""
        if "notes" not in found and ("message" in found or "errors" in found):
            raise SourceFailed(quote_service("OpenReview", found.get("message") or found.get("errors")))
        notes = list_at(found, "notes")
        return Listing(notes, parse_count(found.get("count")), _changed(notes))

    def read(self, record: JsonObject) -> Iterator[Sighting]:
        return read_note(record)

    def following(self, place: Place, answer: Listing) -> Place | None:
        """Return the page after this one: the withdrawn papers after the first; the venue's group if it has no paper.

        An empty page before the end is requested again.
        """
        if place.mark.startswith(_ASIDE):
            back = place.mark.removeprefix(_ASIDE)
            return Place(place.start, back) if place.start else None
        count, received = answer.total, len(answer.records)
        end = place.start + received
        if end == 0 and not count:
            return Place(0, _VENUE_LOOKUP)
        is_last = end >= count if count is not None else not received
        after = None if is_last else Place(end - int(PAGE_OVERLAP * received), str(answer.mark or place.mark))
        if place.start == 0 and received and "withdrawn" not in self.venue.lower():
            return Place(after.start, _ASIDE + after.mark) if after else Place(0, _ASIDE)
        return after

    def total(self, place: Place, answer: Listing) -> int | None:
        """Return None for the page of withdrawn papers."""
        return None if place.mark.startswith(_ASIDE) else answer.total

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse one page of notes, or the group of a venue without any."""
        mark = Place.from_cursor(cursor).mark
        if mark == _VENUE_LOOKUP:
            return Page(next=self._look_up(load_object(body)))
        if mark == _PARENT_LOOKUP:
            self._look_up_parent(load_object(body))
            return Page()
        return super(Openreview, self).parse(body, cursor)

    def _parent(self) -> str:
        return self.venue.rpartition("/")[0]

    def _look_up(self, found: JsonObject) -> str | None:
        """Return None if the venue exists, else the cursor of the next look-up. Raises SourceFailed."""
        group = _first_group(found)
        if not group and self._parent():
            return str(Place(0, _PARENT_LOOKUP))
        if not group:
            raise self._unknown()
        if not group.get("domain"):
            raise SourceFailed(
                f"{self.venue} has no papers in OpenReview's API 2: it is a venue of the old API, or no venue itself; "
                f"{_REMEDY}"
            )
        return None

    def _look_up_parent(self, found: JsonObject) -> None:
        """Check that the venue is one of those that the group of a conference or journal stands for.

        Papers under review, withdrawn or rejected have venue ids of their own. Raises SourceFailed.
        """
        group = _first_group(found)
        names = _venue_ids(group)
        if not group or group.get("domain") != self._parent() or (names and self.venue not in names):
            raise self._unknown(names)

    def _unknown(self, names: Sequence[str] = ()) -> SourceFailed:
        known = f"; {self._parent()} has {', '.join(names)}" if names else ""
        return SourceFailed(f"OpenReview knows no venue {self.venue}{known}; {_REMEDY}")


def _notes(venue: str, start: int) -> Request:
    query = {
        "content.venueid": venue,
        "sort": "tmdate:desc",
        "count": "true",
        "limit": str(PAGE_SIZE),
        **({"offset": str(start)} if start else {}),  # with an offset the answer may lack the count
    }
    return Request(f"https://api2.openreview.net/notes?{urlencode(query)}", fresh=True)


def _group(venue: str) -> Request:
    """Return the request for the group of a venue; an unknown one is answered with 404."""
    return Request(f"https://api2.openreview.net/groups?{urlencode({'id': venue})}", fresh=True, may_be_gone=True)


def _first_group(found: JsonObject) -> JsonObject:
    return next((group for group in as_list(found.get("groups")) if isinstance(group, dict)), {})


def _venue_ids(group: JsonObject) -> list[str]:
    """Return the venue ids of a conference's papers, or []: a journal's group does not name them all."""
    content = group.get("content")
    if not isinstance(content, dict) or "submission_venue_id" not in content:
        return []
    return [name for key in content if key.endswith("_venue_id") for name in text_values(_bare(content[key]))]


def _changed(notes: list[object]) -> str:
    """Return when the last note of a page changed, or "" if it does not say."""
    last = notes[-1] if notes else None
    stamps = map(parse_count, (last.get("tmdate"), last.get("mdate"))) if isinstance(last, dict) else ()
    return str(next(filter(None, stamps), ""))


def read_note(note: JsonObject) -> Iterator[Sighting]:
    """Yield the paper of a note. Raises BadRecord."""
    forum = text_at(note, "forum") or text_at(note, "id")
    if not _FORUM.fullmatch(forum):
        raise BadRecord("forum", f"{forum[:80]!r} is not a forum id")
    content = {key: _bare(value) for key, value in object_at(note, "content").items()}
    withdrawn = any(
        "withdrawn" in text.lower() for key in ("venueid", "venue") for text in text_values(content.get(key))
    )
    public = _public(note)
    yield Sighting(
        ids=_ids(forum, content),
        words=make_words(
            _plain(text_at(content, "title")),
            _plain(text_at(content, "abstract")),
            _authors(content.get("authors")),
            _keywords(content),
        ),
        published=public,
        announced="replace" if withdrawn else "new",
        url=f"https://openreview.net/forum?id={quote(forum)}",
        links=_links(content),
        day=public.date(),
        withdrawn=withdrawn,
        venue=venue_name(text_at(content, "venue")),
    )


def _bare(value: object) -> object:
    return value.get("value") if isinstance(value, dict) else value


def _plain(text: str) -> str:
    """Return a text without the entities that some authors' browsers left: `Sin&lt;GLU&gt;`."""
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)


def _authors(value: object) -> list[str]:
    """Return the names: texts, or since 2026 objects with the full name, the profile and its institutions."""
    return text_values([one.get("fullname") if isinstance(one, dict) else one for one in as_list(value)])


def _keywords(content: JsonObject) -> list[str]:
    """Return the keywords: a list, or in old venues one text with commas."""
    found = text_values(content.get("keywords"))
    return found[0].split(",") if len(found) == 1 else found


def _ids(forum: str, content: JsonObject) -> tuple[PaperId, ...]:
    """Return the forum, and the arXiv id or DOI from fields or the paper's page."""
    texts = [found for key in ("arxiv", "doi", "html") for found in text_values(content.get(key))]
    for entry in text_values(content.get("_bibtex")):
        texts += map(str.strip, _BIBTEX.findall(entry))
    return unique_ids([PaperId(f"openreview:{forum}"), *map(_named, texts)])


def _named(text: str) -> PaperId | None:
    named = arxiv_id(text)
    return named[0] if named else doi_id(text)


def _public(note: JsonObject) -> datetime:
    """Return when it was made public, in ms since 1970. Published at the venue, else made public, else created."""
    for key in ("pdate", "odate", "cdate"):
        stamp = parse_count(note.get(key))
        if stamp and stamp < 7_000_000_000_000:
            return datetime.fromtimestamp(stamp // 1_000, UTC)
    raise BadRecord("cdate", "no date that can be read")


def _links(content: JsonObject) -> dict[str, str]:
    """Return the PDF's address, which often lacks the host."""
    pdf = next(iter(text_values(content.get("pdf"))), "")
    url = web_url(urljoin("https://openreview.net", pdf)) if pdf.startswith("/") else web_url(pdf)
    return {"pdf": url} if url else {}
