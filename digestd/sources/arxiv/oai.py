"""arXiv's OAI-PMH records by the day of their last change: `arxiv-oai:cs.AI+stat.ML`.

https://info.arxiv.org/help/oa/index.html, metadata format `arXiv`; protocol OAI-PMH 2.0
(https://www.openarchives.org/OAI/openarchivesprotocol.html). Used to back-fill days that the feed no longer
shows. The datestamp is the last change of anything, so most records are not new: `created` tells. A set is
one category; several are read in turn. The document is parsed in one go in C, because a back-fill reads
hundreds of thousands of records.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser, XMLPullParser

from digestd.domain.paper import Sighting, arxiv_id, doi_id
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.arxiv.api import ArxivSource, is_withdrawn
from digestd.sources.identifiers import unique_ids
from digestd.sources.source import (
    ITEMS_MAX,
    Page,
    Reject,
    Request,
    check_rejects,
    make_words,
    quote_service,
    reject_of,
    venue_name,
)

OVERLAP = timedelta(days=1)
"""Asked for again: a day's records come in until the evening in New York."""
LOADED = timedelta(hours=3)
"""After the announcement at 20:00; arXiv says about 22:30."""
MODERATED = timedelta(days=10)
"""A paper may wait this long between its submission and its announcement."""

_URL = "https://oaipmh.arxiv.org/oai"
_GROUPS = frozenset({"cs", "econ", "eess", "math", "q-bio", "q-fin", "stat"})
_ROOT = "OAI-PMH"
_TOO_MANY = f"more than {ITEMS_MAX} records; the rest was left out"
_DELETED = "deleted at arXiv, without any words; left out"
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r"))
_AS_BLANKS = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))
_NUMBER = re.compile(r"arxiv:(?:[a-z-]+/)?(\d\d)(\d\d)")


@dataclass(frozen=True, slots=True)
class ArxivOai(ArxivSource):
    """Records of some categories that changed on some days, or since the last run if no days are given."""

    first: date | None = None
    until: date | None = None
    kind = "arxiv-oai"

    def announcement_time(self, day: date) -> datetime | None:
        """Return when the records of a day's announcement are available."""
        made = self.calendar.announcement_time(day)
        return made + LOADED if made else None

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the request for the first page of a category, or for its resumption token."""
        position, token = _position(cursor)
        if position >= len(self.categories):
            return None
        if token:
            return Request(f"{_URL}?{urlencode({'verb': 'ListRecords', 'resumptionToken': token})}", fresh=True)
        first = self.first or (since - OVERLAP).date()
        query = {
            "verb": "ListRecords",
            "metadataPrefix": "arXiv",
            "set": oai_set(self.categories[position]),
            "from": first.isoformat(),
            **({"until": self.until.isoformat()} if self.until else {}),
        }
        return Request(f"{_URL}?{urlencode(query)}", fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse one page.

        Deleted records have no metadata: they are counted in one reject.

        A truncated page is requested again, because its resumption token is missing.
        """
        position, _ = _position(cursor)
        root, broken = _tree(body)
        _refuse_error(root)
        records = root.findall("{*}ListRecords/{*}record")
        fault = broken or (_TOO_MANY if len(records) > ITEMS_MAX else "")
        page = _read(records[: _whole(_mended(body)) if broken else ITEMS_MAX], fault)
        token = (root.findtext("{*}ListRecords/{*}resumptionToken") or "").strip()
        if token:
            return replace(page, next=f"{position}:{token}")
        if broken:
            return replace(page, next=cursor or "0")
        return replace(page, next=str(position + 1) if position + 1 < len(self.categories) else None)


def oai_set(category: str) -> str:
    """Return the OAI set of a category. `cs.AI` → `cs:cs:AI`, `hep-th` → `physics:hep-th`, `cs` → `cs`."""
    if category in _GROUPS:
        return category
    archive, dot, subject = category.partition(".")
    group = archive if archive in _GROUPS else "physics"
    return f"{group}:{archive}:{subject}" if dot else f"{group}:{archive}"


def _position(cursor: str | None) -> tuple[int, str]:
    position, _, token = (cursor or "0").partition(":")
    return int(position), token


def _tree(body: bytes) -> tuple[Element, str]:
    """Return the parsed document, and why it ended early if it did."""
    if b"<!DOCTYPE" in body[:4096] or b"<!ENTITY" in body:
        raise SourceFailed("the answer declares a DOCTYPE (is it a web page?); OAI-PMH was expected")
    root, broken = _parsed(body)
    if broken and (mended := _mended(body)) != body:
        root, broken = _parsed(mended)
    if not isinstance(root, Element) or _local(root) != _ROOT:
        raise SourceFailed(f"the answer is not OAI-PMH ({broken or _local(root)[:40]})")
    return root, broken


def _parsed(body: bytes) -> tuple[Element | None, str]:
    builder: TreeBuilder = TreeBuilder()
    parser: XMLParser = XMLParser(target=builder)  # noqa: S314  # a DOCTYPE, which all its attacks need, was refused
    try:
        parser.feed(body)
        return parser.close(), ""
    except ParseError as error:
        return builder.close(), f"malformed XML: {error}"


def _mended(body: bytes) -> bytes:
    """Remove characters that XML forbids; some abstracts contain them."""
    return body.decode("utf-8", "replace").encode().translate(_AS_BLANKS)


def _local(element: object) -> str:
    tag = element.tag if isinstance(element, Element) else "nothing"
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _refuse_error(root: Element) -> None:
    """Raise SourceFailed for an error answer, except noRecordsMatch (OAI-PMH 3.6)."""
    error = root.find("{*}error")
    if error is None or error.get("code") == "noRecordsMatch":
        return
    code = (error.get("code") or "of no name")[:40]
    if code == "badResumptionToken":
        raise SourceFailed("arXiv no longer knows the place in its listing; the next ingest starts again")
    raise SourceFailed(quote_service("arXiv", f"{code} {error.text or ''}"))


def _whole(body: bytes) -> int:
    """Return the number of records before the position where the document breaks."""
    parser: XMLPullParser[Element] = XMLPullParser(events=("end",))
    found = 0
    with suppress(ParseError):
        parser.feed(body)
        for _, element in parser.read_events():  # type: ignore[misc]  # with this event, always an element
            found += _local(element) == "record"
    return found


def _read(records: Sequence[Element], fault: str) -> Page:
    sightings: list[Sighting] = []
    rejects: list[Reject] = []
    deleted = 0
    for record in records:
        parts = _children(record)
        header = _texts(parts.get("header"))
        metadata = next(iter(parts.get("metadata", ())), None)
        if metadata is None:
            deleted += 1
            continue
        try:
            sightings.append(_sighting(header, metadata))
        except Exception as error:  # one odd record hides no other
            rejects.append(reject_of(header.get("identifier", "")[-60:], error))
    if fault:
        rejects.append(Reject("the answer", "body", fault))
    page = check_rejects(Page(tuple(sightings), None, tuple(rejects)))
    if deleted:
        page = replace(page, rejects=(*page.rejects, Reject(f"{deleted} records", "metadata", _DELETED)))
    return page


def _children(element: Element | None) -> dict[str, Element]:
    """Return an element's children by local name, ignoring namespaces."""
    return {child.tag.rpartition("}")[2]: child for child in element} if element is not None else {}


def _texts(element: Element | None) -> dict[str, str]:
    return (
        {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in element} if element is not None else {}
    )


def _sighting(header: dict[str, str], metadata: Element) -> Sighting:
    fields = _texts(metadata)
    named = arxiv_id(fields.get("id") or header.get("identifier", ""))
    if named is None:
        raise BadRecord("id", f"{fields.get('id', '')[:80]!r} is not an arXiv id")
    changed = _day(header.get("datestamp", ""), "datestamp")
    created = _created(fields.get("created", ""), named[0])
    abstract = fields.get("abstract", "")
    number = named[0].removeprefix("arxiv:")
    return Sighting(
        ids=unique_ids([named[0], doi_id(fields.get("doi", ""))]),
        words=make_words(fields.get("title", ""), abstract, _authors(metadata), fields.get("categories", "").split()),
        published=datetime(created.year, created.month, created.day, tzinfo=UTC),
        announced="new" if changed - created <= MODERATED else "replace",
        url=f"https://arxiv.org/abs/{number}",
        links={"pdf": f"https://arxiv.org/pdf/{number}"},
        day=changed,
        withdrawn=is_withdrawn(fields.get("comments", ""), abstract),
        venue=venue_name(fields.get("journal-ref", "")),
    )


def _authors(metadata: Element) -> list[str]:
    authors = _children(metadata).get("authors")
    names = map(_texts, authors if authors is not None else ())
    return [" ".join(name[part] for part in ("forenames", "keyname", "suffix") if name.get(part)) for name in names]


def _created(text: str, name: str) -> date:
    """Return the day of submission, at the latest the month encoded in the id.

    arXiv's server reports the date of the newest version (github.com/arXiv/oaipmh); the id is older.
    """
    created = _day(text, "created")
    dated = _NUMBER.match(name)
    if dated is None or not 1 <= (month := int(dated[2])) <= 12:
        return created
    year = int(dated[1])
    end = date(year + (1900 if year > 90 else 2000), month, 1) + timedelta(days=31)
    return min(created, end.replace(day=1) - timedelta(days=1))


def _day(text: str, field: str) -> date:
    """Parse a date, or the UTC date of a timestamp."""
    try:
        day = date.fromisoformat(text[:10])
        if not 1900 < day.year < 2200:
            raise ValueError(f"the year {day.year} cannot be meant")
    except ValueError as error:
        raise BadRecord(field, f"{text[:40]!r} is not a date; 2026-11-24 was expected") from error
    return day
