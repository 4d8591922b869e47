"""Write papers as feeds: Atom (RFC 4287) and JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""

import json
from collections.abc import Mapping
from datetime import datetime
from xml.etree import ElementTree as ET

from digestd.mail.outlets.outlet import ListedPaper, PaperList
from digestd.text.sanitise import clean

AUTHORS_MAX = 20
"""Authors of a paper that feeds name."""
_NAMESPACE = "http://www.w3.org/2005/Atom"


def atom(papers: PaperList) -> bytes:
    """Return the papers as an Atom feed."""
    root = ET.Element("feed", {"xmlns": _NAMESPACE, "xml:lang": papers.language})
    _add(root, "id", papers.urn)
    _add(root, "title", papers.title)
    _add(root, "updated", _rfc3339(papers.updated))
    for relation, media_type, url in (
        ("self", "application/atom+xml", papers.url),
        ("alternate", "text/html", papers.home),
    ):
        if url:
            ET.SubElement(root, "link", {"rel": relation, "type": media_type, "href": url})
    _add(ET.SubElement(root, "author"), "name", papers.title)
    for item in papers.items:
        _entry(root, papers, item)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'.encode()


def json_feed(papers: PaperList) -> bytes:
    """Return the papers as a JSON Feed."""
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": clean(papers.title),
        "home_page_url": papers.home,
        "feed_url": papers.url,
        "language": papers.language,
        "items": [_item(papers, item) for item in papers.items],
    }
    given = {name: value for name, value in document.items() if value or name == "items"}
    return json.dumps(given, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


def _entry(root: ET.Element, papers: PaperList, item: ListedPaper) -> None:
    entry, paper = ET.SubElement(root, "entry"), item.paper
    _add(entry, "id", papers.urn_of(item))
    _add(entry, "title", paper.title)
    _add(entry, "updated", _rfc3339(item.at))
    _add(entry, "published", _rfc3339(paper.dated))
    if paper.page:
        ET.SubElement(entry, "link", {"rel": "alternate", "href": paper.page})
    for name in paper.authors[:AUTHORS_MAX]:
        _add(ET.SubElement(entry, "author"), "name", name)
    for name in paper.codes:
        ET.SubElement(entry, "category", {"term": name})
    if item.gist:
        _add(entry, "summary", item.gist)
    ET.SubElement(entry, "content", {"type": "text"}).text = _text(item)


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = clean(text)


def _item(papers: PaperList, item: ListedPaper) -> Mapping[str, object]:
    paper = item.paper
    fields = {
        "id": papers.urn_of(item),
        "url": paper.page,
        "title": paper.title,
        "summary": clean(item.gist),
        "content_text": _text(item),
        "date_published": _rfc3339(paper.dated),
        "date_modified": _rfc3339(item.at),
        "authors": [{"name": name} for name in paper.authors[:AUTHORS_MAX]],
        "tags": list(paper.codes),
    }
    return {name: value for name, value in fields.items() if value}


def _text(item: ListedPaper) -> str:
    """Return what feed readers show of a paper: the reason and the abstract, or else the title."""
    paper = item.paper
    return "\n\n".join(part for part in (clean(item.why), paper.abstract) if part) or paper.title


def _rfc3339(at: datetime) -> str:
    """Return a timestamp in UTC (RFC 3339)."""
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"
