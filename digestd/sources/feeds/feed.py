"""Any feed, as `feed:https://journal.example.org/rss`.

RSS 0.9 to 2.0, RDF, Atom or JSON Feed.

feedparser (https://feedparser.readthedocs.io/) parses the XML dialects with Dublin Core
(https://www.dublincore.org/specifications/dublin-core/dces/) and PRISM. It gets bytes in a stream, never an
address, which it would fetch or open. Malformed feeds are parsed leniently; if one also ends early, its last
entry may be incomplete and is dropped.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from time import struct_time
from typing import Self
from urllib.parse import urlsplit

import feedparser

from digestd.errors import BadInput, SourceFailed
from digestd.sources.feeds.entry import FeedEntry, entry_sightings
from digestd.sources.feeds.publishers import by_publisher
from digestd.sources.json_records import JsonObject, as_list, load_object, text_values
from digestd.sources.source import ITEMS_MAX, Page, RateLimit, Reject, Request, check_rejects, parse_timestamp, web_url

_ACCEPT = "application/feed+json, application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.1"
_URL_MAX = 195
_END = re.compile(rb"</(?:[\w.-]+:)?(?:rss|feed|rdf)\s*>\s*(?:<!--[^<>]*-->\s*)?\Z", re.IGNORECASE)
_OTHER_NAMES = re.compile(rb"<dc:identifier>\s*(?:hwp|pmid|pii|issn)[:\s][^<>]{0,200}</dc:identifier>")
"""Further identifiers of an entry: feedparser returns only the last, which may hide the DOI."""
_TIMES = ("published_parsed", "updated_parsed", "created_parsed")
_IDENTIFIERS = ("dc_identifier", "prism_doi", "prism_url", "id")


@dataclass(frozen=True, slots=True)
class FeedSource:
    """The feed at an address."""

    url: str

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """Create the source from an address."""
        url = argument.strip().partition("#")[0]
        if web_url(url) is None or len(url) > _URL_MAX or "," in url:
            raise BadInput(
                f"feed: {argument[:80]!r} is not an address of at most {_URL_MAX} characters like "
                "feed:https://journal.example.org/rss; write a comma in it as %2C"
            )
        if "@" in urlsplit(url).netloc:
            raise BadInput("feed: an address with a name and password would be shown in reports; use one without")
        return cls(url)

    @property
    def name(self) -> str:
        """Return `feed:` and the address."""
        return f"feed:{self.url}"

    @property
    def rate_limit(self) -> RateLimit:
        """Return a limit that requests several feeds of one host in turn."""
        return RateLimit(urlsplit(self.url).hostname or "", 2.0, exclusive=True)

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the only request: a feed is one answer, whatever `since` is."""
        del since
        return Request(self.url, {"Accept": _ACCEPT}) if cursor is None else None

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the feed in any supported format."""
        del cursor
        faults: list[str] = []
        if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
            home, entries = _read_json(body)
        else:
            home, entries = _read_xml(body, faults)
        if len(entries) > ITEMS_MAX:
            faults.append(f"more than {ITEMS_MAX} items; the rest was left out")
        read = [by_publisher(entry) for entry in entries[:ITEMS_MAX]]
        found, rejects = entry_sightings(read, home or self.url)
        rejects += [Reject("the answer", "body", fault) for fault in faults]
        return check_rejects(Page(tuple(found), None, tuple(rejects)))


def _read_xml(body: bytes, faults: list[str]) -> tuple[str, list[FeedEntry]]:
    """Return the base address and the entries.

    Append what is wrong with the feed to `faults`.
    """
    if b"<!ENTITY" in body:
        raise SourceFailed("the answer declares a DOCTYPE with entities; a feed was expected")
    try:
        found = feedparser.parse(BytesIO(_OTHER_NAMES.sub(b"", body)), sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:
        # a parser of this age raises whatever comes up (AttributeError, KeyError, RecursionError …)
        raise SourceFailed(f"the answer cannot be read as a feed ({type(error).__name__})") from error
    if not found.get("version"):
        raise SourceFailed("the answer is not a feed (is it a web page?)")
    raw = [dict(entry) for entry in found.entries]  # its own dict warns of the fields it guesses
    _refuse_media(raw)
    entries = [_entry(entry) for entry in raw]
    wrong = found.get("bozo_exception")
    if wrong is not None and type(wrong).__name__ == "SAXParseException":
        is_complete = _END.search(body[-300:]) is not None
        faults.append(f"malformed XML: {wrong}" if is_complete else f"ends early: {wrong}")
        entries = entries if is_complete else entries[:-1]
    return _text(found.feed, "link"), entries


def _refuse_media(entries: Sequence[Mapping[str, object]]) -> None:
    """Raise SourceFailed if most entries are videos or episodes of a podcast."""
    media = sum("yt_videoid" in entry or _is_recording(entry) for entry in entries)
    if 2 * media > len(entries):
        raise SourceFailed("the feed lists videos or recordings, not papers; digestd has nothing to read in them")


def _is_recording(entry: Mapping[str, object]) -> bool:
    links = [link for link in _list(entry, "links") if isinstance(link, dict) and link.get("rel") == "enclosure"]
    return any(_text(link, "type").startswith(("video/", "audio/")) for link in links)


def _entry(entry: Mapping[str, object]) -> FeedEntry:
    links = [link for link in _list(entry, "links") if isinstance(link, dict)]
    content = [_text(part, "value") for part in _list(entry, "content") if isinstance(part, dict)]
    journal = _text(entry, "prism_publicationname")
    return FeedEntry(
        title=_text(entry, "title"),
        summary=_text(entry, "summary"),
        content=next(filter(None, content), ""),
        link=_text(entry, "link"),
        authors=_authors(entry),
        identifiers=tuple(text for key in _IDENTIFIERS if (text := _text(entry, key))),
        categories=(
            *(_text(tag, "term") for tag in _list(entry, "tags") if isinstance(tag, dict)),
            *([journal] if journal else []),
        ),
        published=_published(entry),
        pdf=next((_text(link, "href") for link in links if link.get("type") == "application/pdf"), ""),
        discussion=_text(entry, "comments"),
    )


def _authors(entry: Mapping[str, object]) -> tuple[str, ...]:
    """Return the authors, which IEEE puts into one text."""
    whole = _text(entry, "authors")
    names = [_text(author, "name") for author in _list(entry, "authors") if isinstance(author, dict)]
    return (whole,) if whole else tuple(filter(None, names))


def _text(entry: Mapping[str, object], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _list(entry: Mapping[str, object], key: str) -> list[object]:
    value = entry.get(key)
    return value if isinstance(value, list) else []


def _published(entry: Mapping[str, object]) -> datetime | None:
    """Return the first plausible date; feedparser has converted it to UTC."""
    for key in _TIMES:
        given = entry.get(key)
        if isinstance(given, struct_time) and 1900 < given.tm_year < 2200:
            with suppress(ValueError):
                return datetime(*given[:5], tzinfo=UTC)
    return None


def _read_json(body: bytes) -> tuple[str, list[FeedEntry]]:
    """Return the feed's base address and its entries.

    Raises SourceFailed if it is not a JSON Feed.
    """
    found = load_object(body)
    items = found.get("items")
    if not isinstance(items, list):
        raise SourceFailed("the answer is JSON, but no JSON Feed: it has no list of items")
    return _json_text(found, "home_page_url") or _json_text(found, "feed_url"), [_json_entry(item) for item in items]


def _json_entry(item: object) -> FeedEntry:
    if not isinstance(item, dict):
        return FeedEntry("")  # without a title, so it is rejected
    return FeedEntry(
        title=_json_text(item, "title"),
        summary=_json_text(item, "summary"),
        content=_json_text(item, "content_text") or _json_text(item, "content_html"),
        link=_json_text(item, "url") or _json_text(item, "external_url"),
        authors=_json_authors(item),
        identifiers=(_json_text(item, "id"), _json_text(item, "external_url")),
        categories=tuple(text_values(item.get("tags"))),
        published=_json_published(item),
        pdf=_json_pdf(item),
    )


def _json_text(item: JsonObject, key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _json_authors(item: JsonObject) -> tuple[str, ...]:
    """Return `authors` of version 1.1, or the single `author` of version 1."""
    given = as_list(item.get("authors")) or as_list(item.get("author"))
    return tuple(_json_text(author, "name") for author in given if isinstance(author, dict))


def _json_published(item: JsonObject) -> datetime | None:
    for key in ("date_published", "date_modified"):
        try:
            return parse_timestamp(_json_text(item, key))
        except (ValueError, OverflowError):
            continue
    return None


def _json_pdf(item: JsonObject) -> str:
    files = [file for file in as_list(item.get("attachments")) if isinstance(file, dict)]
    return next((_json_text(file, "url") for file in files if _json_text(file, "mime_type") == "application/pdf"), "")
