"""Write papers as an Atom feed (RFC 4287)."""

from xml.etree import ElementTree as ET

from digestd.mail.outlets.outlet import FEED_AUTHORS_MAX, ListedPaper, PaperList, feed_text, rfc3339
from digestd.text.sanitise import clean

_NAMESPACE = "http://www.w3.org/2005/Atom"


def atom(papers: PaperList) -> bytes:
    """Return the papers as an Atom feed."""
    root = ET.Element("feed", {"xmlns": _NAMESPACE, "xml:lang": papers.language})
    _add(root, "id", papers.urn)
    _add(root, "title", papers.title)
    _add(root, "updated", rfc3339(papers.updated))
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


def _entry(root: ET.Element, papers: PaperList, item: ListedPaper) -> None:
    entry, paper = ET.SubElement(root, "entry"), item.paper
    _add(entry, "id", papers.urn_of(item))
    _add(entry, "title", paper.title)
    _add(entry, "updated", rfc3339(item.at))
    _add(entry, "published", rfc3339(paper.dated))
    if paper.page:
        ET.SubElement(entry, "link", {"rel": "alternate", "href": paper.page})
    for name in paper.authors[:FEED_AUTHORS_MAX]:
        _add(ET.SubElement(entry, "author"), "name", name)
    for name in paper.codes:
        ET.SubElement(entry, "category", {"term": name})
    if item.gist:
        _add(entry, "summary", item.gist)
    ET.SubElement(entry, "content", {"type": "text"}).text = feed_text(item)


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = clean(text)
