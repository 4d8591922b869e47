"""Stream elements from XML.

This way, a truncated answer still gives its complete entries.

expat (standard library) expands no external entities and stops entity bombs; a document with a
DOCTYPE is refused. feedparser is not used here: it sometimes parses mathematics such as
`a<b and c>d` as HTML, and takes twenty times as long.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from digestd.errors import SourceFailed
from digestd.sources.source import ITEMS_MAX

ATOM = "{http://www.w3.org/2005/Atom}"
ARXIV = "{http://arxiv.org/schemas/atom}"
DC = "{http://purl.org/dc/elements/1.1/}"
OPENSEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"

_BLOCK = 65_536


class XmlElements:
    """The elements of one document. After reading, `broken` says why it ended early, or is None."""

    def __init__(self, body: bytes, roots: frozenset[str], most: int = ITEMS_MAX) -> None:
        if b"<!DOCTYPE" in body[:4096] or b"<!ENTITY" in body:
            raise SourceFailed("the answer declares a DOCTYPE (is it a web page?); a feed was expected")
        self.broken: str | None = None
        self._body = body
        self._roots = roots
        self._most = most

    def read(self, *tags: str) -> Iterator[Element]:
        """Yield every complete element with one of these tags, in order, and not more than there may be."""
        depth, found = 0, 0
        for event, element in self._events():
            depth += 1 if event == "start" else -1
            if event == "start" and depth == 1 and element.tag not in self._roots:
                raise SourceFailed(f"the answer is <{_local(element.tag)}>; a feed was expected")
            if event == "end" and element.tag in tags:
                yield element
                element.clear()
                found += 1
            if found >= self._most:
                self.broken = f"more than {self._most} items; the rest was left out"
                return

    def _events(self) -> Iterator[tuple[str, Element]]:
        parser: XMLPullParser[Element] = XMLPullParser(events=("start", "end"))
        try:
            for start in range(0, len(self._body), _BLOCK):
                parser.feed(self._body[start : start + _BLOCK])
                yield from parser.read_events()  # type: ignore[misc]  # with these events, always an element
            parser.close()
        except (ParseError, LookupError, ValueError) as error:  # the last two: an unknown encoding
            self.broken = f"malformed XML: {error}"


def child_text(element: Element, path: str) -> str:
    return element.findtext(path) or ""


def _local(tag: str) -> str:
    return tag.rpartition("}")[2][:40]


def text_of(element: Element | None) -> str:
    """Return the text of an element and of those in it, as one line."""
    return " ".join("".join(element.itertext()).split()) if element is not None else ""
