"""bioRxiv and medRxiv by posting date: `biorxiv`, `biorxiv:neuroscience+cell biology`, `medrxiv:…`.

GET https://api.biorxiv.org/details/SERVER/INTERVAL/START/json, documented at
https://api.biorxiv.org/details/biorxiv/help. A page holds 30 or 100 records depending on the manual's year, so
the cursor advances by the number received. `total` counts versions and has been too high
(ropensci/medrxivr#19), so only an empty page ends the list. Each version is a record; some dates lack leading
zeros (TideDra/zotero-arxiv-daily#272). The API takes one category per request, so several are read in turn.
It requires a last day: a date years ahead stands for "until now".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple, Self
from urllib.parse import quote

from digestd.domain.paper import Sighting, doi_id
from digestd.errors import BadInput, BadRecord, SourceFailed
from digestd.sources.dates import midnight, parse_day
from digestd.sources.identifiers import doi_at
from digestd.sources.json_records import JsonObject, as_list, list_at, parse_count, text_at
from digestd.sources.paging import Listing, PagedSource, Place
from digestd.sources.source import RateLimit, Request, make_words, quote_service, web_url
from digestd.text.markup import without_typesetting
from digestd.text.people import natural_name

Server = Literal["biorxiv", "medrxiv"]

LATE = timedelta(days=2)
"""Overlap with the last run: a posting appears in the API some time after its date."""
AHEAD = timedelta(days=3_650)

_NONE = "no posts found"
_CATEGORY = re.compile(r"[a-z][a-z, -]{2,50}[a-z]")
_TITLE = re.compile(r"\W*withdrawn\s*([:\])–—-]|$)", re.IGNORECASE)
_STATEMENT = re.compile(
    r"withdrawal statement|withdrawn\W*$|"
    r"(this|the|our) (manuscript|preprint|paper|article|submission)\b[^.]{0,40}\b(has been|was|is) withdrawn\b|"
    r"((the|these) )?(authors?|biorxiv|medrxiv)\b[^.]{0,40}\b(has|have) withdrawn (this|their|the|our) "
    r"(manuscript|preprint|paper|article|study|work|submission)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Biorxiv(PagedSource):
    """Postings of a server, in some categories or in all."""

    server: Server
    categories: tuple[str, ...] = ()

    rate_limit = RateLimit("api.biorxiv.org", 1.0, exclusive=True)
    """One request per second for both servers together; no limit is published."""

    @classmethod
    def from_spec(cls, server: Server, argument: str) -> Self:
        """Create the source from a server and categories."""
        if not argument:
            return cls(server)
        found = tuple(dict.fromkeys(name.strip().lower().replace("_", " ") for name in argument.split("+")))
        if len(found) > 20 or not all(_CATEGORY.fullmatch(name) for name in found):
            raise BadInput(
                f"{server}: {argument[:80]!r} is not a list of subject categories; "
                f"write 1 to 20 of them like {server}:neuroscience+cell biology, or {server} alone for all"
            )
        return cls(server, found)

    @property
    def name(self) -> str:
        return f"{self.server}:{'+'.join(self.categories)}" if self.categories else self.server

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the next page of the interval that the first answer covered."""
        place = Place.from_cursor(cursor)
        mark = _Mark.of(place)
        interval = mark.interval or f"{(since - LATE).date()}/{(since + AHEAD).date()}"
        url = f"https://api.biorxiv.org/details/{self.server}/{interval}/{place.start}/json"
        if not self.categories:
            return Request(url, fresh=True)
        return Request(f"{url}?category={quote(self.categories[mark.category])}", fresh=True)

    def open(self, found: JsonObject) -> Listing:
        """Return the posts of a page, and the interval that it covers as the mark."""
        message = _message(found)
        if message is None:
            return Listing([])
        return Listing(list_at(found, "collection"), parse_count(message.get("total")), _interval(message))

    def following(self, place: Place, answer: Listing) -> Place | None:
        """Return the page after this one; an empty one ends the category."""
        mark = _Mark.of(place)
        if not answer.records:
            category = mark.category + 1
            return Place(0, str(_Mark(mark.interval, category))) if category < len(self.categories) else None
        interval, total = mark.interval or str(answer.mark), answer.total or mark.total
        return Place(place.start + len(answer.records), str(_Mark(interval, mark.category, total)))

    def total(self, place: Place, answer: Listing) -> int | None:
        """Return the total if it covers everything requested, else None. The last answer lacks it."""
        total = answer.total if answer.records else None
        return (total or _Mark.of(place).total or None) if len(self.categories) <= 1 else None

    def read(self, record: JsonObject) -> Iterator[Sighting]:
        """Yield a post, unless it is of another category, for when the API ignored the filter."""
        category = text_at(record, "category").lower().replace("_", " ")
        if not self.categories or category in self.categories:
            yield _sighting(record, self.server, category)


class _Mark(NamedTuple):
    """What a page must know besides its start: the interval of days, the category by its number, and the total."""

    interval: str = ""
    category: int = 0
    total: int = 0

    @classmethod
    def of(cls, place: Place) -> Self:
        interval, _, numbers = place.mark.partition(" ")
        return cls(interval, *map(int, numbers.split()))

    def __str__(self) -> str:
        return f"{self.interval} {self.category} {self.total}"


def _interval(message: JsonObject) -> str:
    """Return the interval that the answer states, in the form of the URL, such as `2026-11-21:2027-11-24`."""
    interval = str(message.get("interval"))
    try:
        first, last = date.fromisoformat(interval[:10]), date.fromisoformat(interval[11:])
    except ValueError:
        return ""
    return f"{first}/{last}"


def _message(found: JsonObject) -> JsonObject | None:
    """Return the answer's status message, or None if it reports no posts."""
    messages = as_list(found.get("messages"))
    message = messages[0] if messages else None
    status = message.get("status") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(status, str):
        raise SourceFailed("the answer has no status; its format has changed")
    if status.strip().lower().startswith(_NONE):
        return None
    if status.strip().lower() != "ok":
        raise SourceFailed(quote_service("bioRxiv", status))
    return message


def _sighting(post: JsonObject, server: Server, category: str) -> Sighting:
    own = doi_at(post, "doi")
    posted = _posted(text_at(post, "date"))
    version = parse_count(post.get("version")) or None
    withdrawn = _is_withdrawn(post)
    is_first = not withdrawn and (version or 1) == 1
    doi = own.removeprefix("doi:")
    pdf = web_url(f"https://www.{server}.org/content/{doi}v{version or 1}.full.pdf")
    journal = doi_id(text_at(post, "published"))  # `NA` until then
    return Sighting(
        ids=(own, journal) if journal and journal != own else (own,),
        words=make_words(
            text_at(post, "title"),
            without_typesetting(text_at(post, "abstract")),
            [natural_name(name) for name in text_at(post, "authors").split(";")],
            [category],
        ),
        published=midnight(posted) if is_first else None,
        version=version,
        announced="new" if is_first else "replace",
        url=web_url(f"https://doi.org/{doi}"),
        links={"pdf": pdf} if pdf else {},
        day=posted,
        withdrawn=withdrawn,
    )


def _posted(written: str) -> date:
    parts = written.split("-")
    if len(parts) != 3 or len(parts[0]) != 4 or not "".join(parts).isdecimal() or len(written) > 10:
        raise BadRecord("date", f"{written[:40]!r} is not a date like 2026-11-24")
    try:
        return parse_day(*parts)
    except ValueError as error:
        raise BadRecord("date", f"{written[:40]!r} is not a date ({error})") from error


def _is_withdrawn(post: JsonObject) -> bool:
    """Return True if the type, the title or the start of the abstract says so."""
    return (
        "withdraw" in text_at(post, "type").lower()
        or _TITLE.match(text_at(post, "title")) is not None
        or _STATEMENT.match(text_at(post, "abstract")[:300]) is not None
    )
