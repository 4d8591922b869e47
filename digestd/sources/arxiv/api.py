"""arXiv's Atom API by category: `arxiv:cs.LG+cs.CL`.

GET https://export.arxiv.org/api/query, documented at https://info.arxiv.org/help/api/user-manual.html.
Newest submissions come first. Pages advance by startIndex and totalResults and end at the date of the
last entry. Errors arrive as a feed with one entry titled Error. An empty page in the middle of a result
(lukasschwab/arxiv.py, UnexpectedEmptyPageError) is requested again.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import ClassVar, Self
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

from digestd.domain.paper import Sighting, arxiv_id, doi_id
from digestd.errors import BadInput, BadRecord, SourceFailed
from digestd.sources.arxiv.calendar import DEFAULT_CALENDAR, ArxivCalendar
from digestd.sources.identifiers import unique_ids
from digestd.sources.source import (
    Page,
    RateLimit,
    Reject,
    Request,
    check_rejects,
    make_words,
    parse_timestamp,
    quote_service,
    venue_name,
)
from digestd.sources.xml_elements import ARXIV, ATOM, OPENSEARCH, XmlElements, child_text

ARXIV_PACE = RateLimit("arxiv.org", 3.1, exclusive=True)
"""One request every three seconds over all of arXiv's interfaces together (terms of use, 2026), and a
little more, as requests do not all travel equally fast."""

PAGE_SIZE = 500
UNSEEN = timedelta(days=6)
"""A submission shows only after its announcement: Friday's on Monday, later over a holiday."""

INDEXED = time(2)
"""In New York: the index of the API follows the announcement by some hours."""

_NUMBERS = tuple(OPENSEARCH + name for name in ("totalResults", "startIndex"))


_CATEGORY = re.compile(r"[a-z]{1,10}(-[a-z]{2,4})?(\.([A-Z]{2}|[a-z]{2,7}(-[a-z]{2,5})?))?")


_PAPER = r"(?:paper|article|manuscript|submission|preprint|work|note|letter|report|document)"
_GONE = r"(?:withdrawn|retracted)"
# "withdrawn from the conference": the paper stands.
_HERE = r"(?!\s+(?:from(?!\s+(?:the\s+)?arxiv\b)|at)\b)"
_IS = r"\s+(?:has\s+(?:now\s+)?been|was|is|is\s+now|is\s+being)\s+(?:temporarily\s+)?"
_THIS = rf"this\s+(?:\w+\s+)?{_PAPER}{_IS}{_GONE}{_HERE}"
_AUTHORS = r"(?:the\s+)?authors?\s+(?:has|have)\s+(?:withdrawn|retracted)\s+(?:this|the|their|his|her)\s+"
_ARXIV = rf"{_PAPER}\s+has\s+been\s+(?:withdrawn|removed)\s+by\s+arxiv\b"
_SHORT = (
    rf"(?:(?:the\s+)?{_PAPER}(?:{_IS}|\s+))?{_GONE}"
    r"(?=\s*(?:$|[.,;:!)\]]|(?:due|because|as|by|for|since|until|pending|in\s+order|from\s+(?:the\s+)?arxiv)\b))"
)
_COMMENT_OPENS = re.compile(rf"\W*(?:{_SHORT}|{_AUTHORS})", re.IGNORECASE)
_COMMENT_SAYS = re.compile(rf"\b(?:{_THIS}|{_ARXIV})", re.IGNORECASE)
_ABSTRACT_OPENS = re.compile(
    rf"\W*(?:{_THIS}|{_AUTHORS}|(?:the\s+|this\s+)?{_ARXIV}|{_GONE}\s+by\s+(?:the\s+)?authors?\b|{_PAPER}\s+{_GONE}\b)",
    re.IGNORECASE,
)
_READ = 2_000


@dataclass(frozen=True, slots=True)
class ArxivSource:
    """Share what arXiv's interfaces have in common."""

    categories: tuple[str, ...]
    calendar: ArxivCalendar = DEFAULT_CALENDAR
    kind: ClassVar[str]
    rate_limit = ARXIV_PACE

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        return cls(arxiv_categories(cls.kind, argument))

    @property
    def name(self) -> str:
        return f"{self.kind}:{'+'.join(self.categories)}"

    def warning(self, day: date) -> str | None:
        return self.calendar.warning(day)


@dataclass(frozen=True, slots=True)
class ArxivApi(ArxivSource):
    """Recent submissions in some categories."""

    kind = "arxiv"

    def announcement_time(self, day: date) -> datetime | None:
        """Return when the API finds the papers of an announcement."""
        return self.calendar.time_on(day, INDEXED)

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the request for the next slice; None once entries are too old to be new."""
        start, _, oldest = (cursor or "0").partition("@")
        if oldest and parse_timestamp(oldest) < since - UNSEEN:
            return None
        query = {
            "search_query": " OR ".join(f"cat:{category}" for category in self.categories),
            "sortBy": "submittedDate",
            "sortOrder": "descending",
            "start": start,
            "max_results": str(PAGE_SIZE),
        }
        return Request(f"https://export.arxiv.org/api/query?{urlencode(query)}")

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse one slice."""
        elements = XmlElements(body, frozenset({ATOM + "feed"}))
        sightings: list[Sighting] = []
        rejects: list[Reject] = []
        numbers = {"totalResults": 0, "startIndex": int((cursor or "0").partition("@")[0])}
        for element in elements.read(ATOM + "entry", *_NUMBERS):
            if element.tag in _NUMBERS:
                numbers[element.tag.removeprefix(OPENSEARCH)] = _number(element.text)
                continue
            where = child_text(element, ATOM + "id").strip()[-60:]
            try:
                sightings.append(read_entry(element, self.calendar))
            except (BadRecord, ValueError) as error:
                rejects.append(_reject(where, error))
        if elements.broken:
            rejects.append(Reject("the answer", "body", elements.broken))
        after = _next(numbers, sightings, len(rejects))
        if after and not sightings and not rejects:
            after = cursor or "0"
        return check_rejects(Page(tuple(sightings), after, tuple(rejects), numbers["totalResults"] or None))


def _number(written: str | None) -> int:
    return int(written) if written and written.isascii() and written.isdigit() and len(written) < 10 else 0


def _next(numbers: dict[str, int], sightings: list[Sighting], rejects: int) -> str | None:
    start = numbers["startIndex"] + len(sightings) + rejects
    if start >= numbers["totalResults"]:
        return None
    dates = [sighting.published for sighting in sightings if sighting.published]
    return f"{start}@{dates[-1].isoformat()}" if dates else str(start)


def read_entry(entry: Element, calendar: ArxivCalendar) -> Sighting:
    """Return an entry of the feed. Raises BadRecord or ValueError; SourceFailed for an entry that is an error."""
    where = child_text(entry, ATOM + "id").strip()
    if "/api/errors" in where:
        raise SourceFailed(quote_service("arXiv", child_text(entry, ATOM + "summary")))
    named = arxiv_id(where)
    if named is None:
        raise BadRecord("id", f"{where[:80]!r} is not an arXiv id")
    published = parse_timestamp(child_text(entry, ATOM + "published"))
    doi = doi_id(child_text(entry, ARXIV + "doi"))
    categories = [primary.get("term", "") for primary in entry.iter(ARXIV + "primary_category")]
    categories += [category.get("term", "") for category in entry.iter(ATOM + "category")]
    number = named[0].removeprefix("arxiv:")
    return Sighting(
        ids=unique_ids([named[0], doi]),
        words=make_words(
            child_text(entry, ATOM + "title"),
            child_text(entry, ATOM + "summary"),
            [author.text or "" for author in entry.iterfind(f"{ATOM}author/{ATOM}name")],
            categories,
        ),
        published=published,
        version=named[1],
        url=f"https://arxiv.org/abs/{number}",
        links={"pdf": f"https://arxiv.org/pdf/{number}"},
        day=calendar.announcement_day(published),
        withdrawn=is_withdrawn(child_text(entry, ARXIV + "comment"), child_text(entry, ATOM + "summary").strip()),
        venue=venue_name(child_text(entry, ARXIV + "journal_ref")),
    )


def _reject(where: str, error: ValueError) -> Reject:
    if isinstance(error, BadRecord):
        return Reject(where, error.field, error.message)
    return Reject(where, "published", f"no date that can be read ({error})")


def arxiv_categories(kind: str, argument: str) -> tuple[str, ...]:
    """Return the 1 to 20 categories of a source `kind:argument`. Raises BadInput."""
    if not argument:
        raise BadInput(f"source '{kind}:': the categories are empty; write 1 to 20 of them like {kind}:cs.LG+stat.ML")
    found = tuple(dict.fromkeys(argument.replace(" ", "+").split("+")))
    if not 1 <= len(found) <= 20 or not all(_CATEGORY.fullmatch(name) for name in found):
        raise BadInput(
            f"{kind}: {argument[:80]!r} is not a list of arXiv categories; "
            f"write 1 to 20 of them like {kind}:cs.LG+stat.ML"
        )
    return found


def is_withdrawn(comment: str, abstract: str) -> bool:
    """Return True if a text says that this paper was withdrawn; it is the comment or the start of the abstract."""
    comment, abstract = comment[:_READ], abstract[:_READ]
    text = f"{comment} {abstract[:200]}".lower()
    if "withdrawn" not in text and "retracted" not in text and "by arxiv" not in text:
        return False  # nearly every record: three searches are cheaper than three patterns
    return bool(_COMMENT_OPENS.match(comment) or _COMMENT_SAYS.search(comment) or _ABSTRACT_OPENS.match(abstract))
