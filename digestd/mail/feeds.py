"""Papers as feed readers take them: Atom (RFC 4287) and JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""

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
class Posted:
    """A paper as a feed tells of it: since when, and why, in words."""

    paper: Paper
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed and what it tells, newest first. `name` is unique and never changes; `since`: when it began."""

    name: str
    title: str
    home: str
    url: str
    language: str
    since: datetime
    posted: tuple[Posted, ...]

    @property
    def updated(self) -> datetime:
        """When it last told anything."""
        return max((one.at for one in self.posted), default=self.since)

    @property
    def urn(self) -> str:
        """Its name for readers: the same under whatever address."""
        return _urn(self.name)


def atom(feed: Feed) -> bytes:
    """The feed as Atom."""
    root = ET.Element("feed", {"xmlns": _NAMESPACE, "xml:lang": feed.language})
    _add(root, "id", feed.urn)
    _add(root, "title", feed.title)
    _add(root, "updated", _instant(feed.updated))
    ET.SubElement(root, "link", {"rel": "self", "type": "application/atom+xml", "href": feed.url})
    ET.SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": feed.home})
    _add(ET.SubElement(root, "author"), "name", feed.title)
    for one in feed.posted:
        _atom_entry(root, feed, one)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'.encode()


def json_feed(feed: Feed) -> bytes:
    """The feed as JSON Feed 1.1."""
    said = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": clean(feed.title),
        "home_page_url": feed.home,
        "feed_url": feed.url,
        "language": feed.language,
        "items": [_json_item(feed, one) for one in feed.posted],
    }
    return json.dumps(said, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


def _atom_entry(root: ET.Element, feed: Feed, one: Posted) -> None:
    entry, paper = ET.SubElement(root, "entry"), one.paper
    _add(entry, "id", _entry_urn(feed, paper))
    _add(entry, "title", paper.plain_title)
    _add(entry, "updated", _instant(one.at))
    _add(entry, "published", _instant(paper.published))
    if url := safe_url(paper.url):
        ET.SubElement(entry, "link", {"rel": "alternate", "href": url})
    for name in paper.words.authors[:_AUTHORS]:
        _add(ET.SubElement(entry, "author"), "name", name)
    for name in paper.words.categories:
        ET.SubElement(entry, "category", {"term": clean(name)})
    content = "\n\n".join(part for part in (clean(one.why), clean(paper.plain_abstract)) if part)
    ET.SubElement(entry, "content", {"type": "text"}).text = content or clean(paper.plain_title)


def _json_item(feed: Feed, one: Posted) -> Mapping[str, object]:
    paper = one.paper
    content = "\n\n".join(part for part in (clean(one.why), clean(paper.plain_abstract)) if part)
    said = {
        "id": _entry_urn(feed, paper),
        "url": safe_url(paper.url),
        "title": clean(paper.plain_title),
        "content_text": content or clean(paper.plain_title),
        "date_published": _instant(paper.published),
        "date_modified": _instant(one.at),
        "authors": [{"name": clean(name)} for name in paper.words.authors[:_AUTHORS]],
        "tags": [clean(name) for name in paper.words.categories],
    }
    return {name: value for name, value in said.items() if value}


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = clean(text)


def _entry_urn(feed: Feed, paper: Paper) -> str:
    return _urn(f"{feed.name}#{paper.id}")


def _urn(name: str) -> str:
    return uuid5(NAMESPACE_URL, name).urn


def _instant(at: datetime) -> str:
    """RFC 3339, in UTC."""
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"
