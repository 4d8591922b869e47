"""arXiv's daily announcement as RSS or Atom: `arxiv-rss:cs.AI+cs.CL`.

GET https://rss.arxiv.org/atom/CATEGORIES, documented at https://info.arxiv.org/help/rss.html. Holds only the
latest announcement, at most 2,000 items; empty on weekends and holidays. Each item is marked `new`, `cross`,
`replace` or `replace-cross`. Authors are one comma-joined string, so "A. Name, Jr." is split here but not in
the API.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from xml.etree.ElementTree import Element

from digestd.domain.paper import Sighting, arxiv_id, doi_id
from digestd.errors import BadRecord
from digestd.sources.arxiv.api import ArxivSource, is_withdrawn
from digestd.sources.arxiv.calendar import NEW_YORK
from digestd.sources.arxiv.oai import ArxivOai
from digestd.sources.identifiers import unique_ids
from digestd.sources.source import Page, Reject, Request, Source, check_rejects, make_words, parse_timestamp, reject_of
from digestd.sources.xml_elements import ARXIV, ATOM, DC, XmlElements, child_text

ANNOUNCED = frozenset({"new", "cross", "replace", "replace-cross"})
FULL = 2_000
"""arXiv cuts a feed off there, without a word."""
_IS_FULL = f"holds {FULL:,} items, the most arXiv gives, so some may be missing; split the categories over two sources"
REBUILT = time(0, 30)
"""New York time: the feed is rebuilt at midnight; allow half an hour."""
_MADE = re.compile(rb"<(?:\w+:)?(?:pubDate|updated)>([^<]{10,60})</")
_PREFIX = re.compile(r"\s*arXiv:\S+\s+Announce Type:\s*(?P<type>[a-z-]+)\s*(?:Abstract:\s*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ArxivRss(ArxivSource):
    """The latest announcement in some categories."""

    kind = "arxiv-rss"

    def announcement_time(self, day: date) -> datetime | None:
        """Return when the feed holds the announcement of a day."""
        return self.calendar.time_on(day, REBUILT)

    def backfill(self, first: date, last: date) -> Source:
        return ArxivOai(self.categories, first=first, until=last)

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the only request: the feed holds one announcement, whatever `since` is."""
        del since
        return Request(f"https://rss.arxiv.org/atom/{'+'.join(self.categories)}") if cursor is None else None

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the RSS or Atom feed. Its day is that of its items, which may be older than the feed itself."""
        del cursor
        elements = XmlElements(body, frozenset({ATOM + "feed", "rss"}))
        sightings: list[Sighting] = []
        rejects: list[Reject] = []
        for element in elements.read(ATOM + "entry", "item"):
            form = _ATOM if element.tag == ATOM + "entry" else _RSS
            try:
                sightings.append(_sighting(element, form))
            except Exception as error:  # one odd record hides no other
                rejects.append(reject_of(child_text(element, form.id).strip()[-60:], error))
        if elements.broken:
            rejects.append(Reject("the answer", "body", elements.broken))
        if len(sightings) + len(rejects) >= FULL:
            rejects.append(Reject("the answer", "items", _IS_FULL))
        day = max((sighting.day for sighting in sightings if sighting.day), default=None)
        if not sightings and not rejects:
            day = _made(body)
        return check_rejects(Page(tuple(sightings), None, tuple(rejects), day=day))


@dataclass(frozen=True, slots=True)
class _Form:
    """Element names of a feed format."""

    id: str
    title: str
    summary: str
    dated: str
    category: str


_RSS = _Form("guid", "title", "description", "pubDate", "category")
_ATOM = _Form(ATOM + "id", ATOM + "title", ATOM + "summary", ATOM + "published", ATOM + "category")


def _sighting(entry: Element, form: _Form) -> Sighting:
    where = child_text(entry, form.id).strip()
    named = arxiv_id(where)
    if named is None:
        raise BadRecord("id", f"{where[:80]!r} is not an arXiv id")
    summary = child_text(entry, form.summary)
    prefix = _PREFIX.match(summary)
    dated = _dated(entry, form)
    announced = child_text(entry, ARXIV + "announce_type").strip() or (prefix["type"] if prefix else "new")
    if announced not in ANNOUNCED:
        raise BadRecord("announce_type", f"{announced[:40]!r} is not one of {', '.join(sorted(ANNOUNCED))}")
    number = named[0].removeprefix("arxiv:")
    abstract = summary[prefix.end() :] if prefix else summary
    return Sighting(
        ids=unique_ids([named[0], doi_id(child_text(entry, ARXIV + "DOI"))]),
        words=make_words(
            child_text(entry, form.title),
            abstract,
            child_text(entry, DC + "creator").split(", "),
            [category.get("term") or category.text or "" for category in entry.iter(form.category)],
        ),
        published=dated if announced in {"new", "cross"} else None,
        version=named[1],
        announced=announced,
        url=f"https://arxiv.org/abs/{number}",
        links={"pdf": f"https://arxiv.org/pdf/{number}"},
        day=dated.astimezone(NEW_YORK).date(),
        withdrawn=is_withdrawn("", abstract),
    )


def _dated(entry: Element, form: _Form) -> datetime:
    try:
        return parse_timestamp(child_text(entry, form.dated))
    except ValueError as error:
        raise BadRecord("published", f"no date that can be read ({error})") from error


def _made(body: bytes) -> date | None:
    """Return the day that an empty feed states, or None."""
    match = _MADE.search(body)
    try:
        return parse_timestamp(match[1].decode("ascii", "replace")).astimezone(NEW_YORK).date() if match else None
    except ValueError:
        return None
