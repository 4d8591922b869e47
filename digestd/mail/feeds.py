"""Write papers as feeds.

Atom (RFC 4287) and JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

from digestd.domain.paper import Paper
from digestd.domain.sanitise import clean, safe_url

ATOM = "application/atom+xml; charset=utf-8"
JSON_FEED = "application/feed+json; charset=utf-8"
_NAMESPACE = "http://www.w3.org/2005/Atom"
_AUTHORS = 20


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One paper of a feed. `at`: when it was added; `gist`, `why`: the gist and the reason as text."""

    paper: Paper
    at: datetime
    gist: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed of papers, newest first.

    `name` is unique and never changes; `since`: when the feed began.
    """

    name: str
    title: str
    home: str
    url: str
    language: str
    since: datetime
    items: tuple[FeedItem, ...]

    @property
    def updated(self) -> datetime:
        """Return when the newest item was added."""
        return max((item.at for item in self.items), default=self.since)

    @property
    def urn(self) -> str:
        """Return the feed's identifier, which does not depend on its URL."""
        return _urn(self.name)


def atom(feed: Feed) -> bytes:
    """Return the feed as Atom."""
    root = ET.Element("feed", {"xmlns": _NAMESPACE, "xml:lang": feed.language})
    _add(root, "id", feed.urn)
    _add(root, "title", feed.title)
    _add(root, "updated", _instant(feed.updated))
    ET.SubElement(root, "link", {"rel": "self", "type": "application/atom+xml", "href": feed.url})
    ET.SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": feed.home})
    _add(ET.SubElement(root, "author"), "name", feed.title)
    for item in feed.items:
        _atom_entry(root, feed, item)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'.encode()


def json_feed(feed: Feed) -> bytes:
    """Return the feed as JSON Feed 1.1."""
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": clean(feed.title),
        "home_page_url": feed.home,
        "feed_url": feed.url,
        "language": feed.language,
        "items": [_json_item(feed, item) for item in feed.items],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


def _atom_entry(root: ET.Element, feed: Feed, item: FeedItem) -> None:
    entry, paper = ET.SubElement(root, "entry"), item.paper
    _add(entry, "id", _entry_urn(feed, paper))
    _add(entry, "title", paper.plain_title)
    _add(entry, "updated", _instant(item.at))
    _add(entry, "published", _instant(paper.published))
    if url := safe_url(paper.url):
        ET.SubElement(entry, "link", {"rel": "alternate", "href": url})
    for name in paper.words.authors[:_AUTHORS]:
        _add(ET.SubElement(entry, "author"), "name", name)
    for name in paper.words.categories:
        ET.SubElement(entry, "category", {"term": clean(name)})
    if item.gist:
        _add(entry, "summary", item.gist)
    content = "\n\n".join(part for part in (clean(item.why), clean(paper.plain_abstract)) if part)
    ET.SubElement(entry, "content", {"type": "text"}).text = content or clean(paper.plain_title)


def _json_item(feed: Feed, item: FeedItem) -> Mapping[str, object]:
    paper = item.paper
    content = "\n\n".join(part for part in (clean(item.why), clean(paper.plain_abstract)) if part)
    fields = {
        "id": _entry_urn(feed, paper),
        "url": safe_url(paper.url),
        "title": clean(paper.plain_title),
        "summary": clean(item.gist),
        "content_text": content or clean(paper.plain_title),
        "date_published": _instant(paper.published),
        "date_modified": _instant(item.at),
        "authors": [{"name": clean(name)} for name in paper.words.authors[:_AUTHORS]],
        "tags": [clean(name) for name in paper.words.categories],
    }
    return {name: value for name, value in fields.items() if value}


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = clean(text)


def _entry_urn(feed: Feed, paper: Paper) -> str:
    return _urn(f"{feed.name}#{paper.id}")


def _urn(name: str) -> str:
    return uuid5(NAMESPACE_URL, name).urn


def _instant(at: datetime) -> str:
    """Return an RFC 3339 timestamp in UTC."""
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"
