"""Allow-lists for mails: tags, attributes, links, and visible characters."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import html5lib

from digestd.mail.content import Rendered

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "div", "table", "tbody", "tr", "td"),
    *("h1", "h2", "h3", "p", "a", "ol", "li", "span", "strong", "bdi", "br", "wbr"),
}
ATTRIBUTES = {
    *("lang", "dir", "charset", "name", "content", "class", "style", "role", "width", "cellpadding", "cellspacing"),
    *("border", "align", "href", "aria-hidden", "id", "value"),
}


def elements(html: str) -> Iterator[Element]:
    """Yield the elements of a document as a browser would parse it."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree: Element = parser.parse(html)
    # comments, here only those for Outlook, have no tag name
    return (element for element in tree.iter() if isinstance(element.tag, str))


def assert_safe(rendered: Rendered) -> None:
    """Assert that HTML, text and subject hold only what the allow-lists permit."""
    for element in elements(rendered.html):
        assert element.tag in TAGS, element.tag
        assert set(element.attrib) <= ATTRIBUTES, element.attrib
        assert re.match(r"https?://|#p\d|mailto:", element.attrib.get("href", "https://"), re.IGNORECASE)
        assert not re.search(r"url\(|@import|expression|position", element.attrib.get("style", ""))
        assert element.tag != "style" or not re.search(r"url\(|@import", element.text or "")
    for words in (rendered.subject, rendered.text):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", words)
    assert "\n" not in rendered.subject
    assert all(len(line) <= 78 for line in rendered.text.splitlines() if not re.search(r"://|mailto:", line))
