"""Reading a page as a browser would."""

from xml.etree.ElementTree import Element

import html5lib


def tree(html: str) -> Element:
    """The page as a tree; an element is found by its plain name."""
    parsed: Element = html5lib.HTMLParser(namespaceHTMLElements=False).parse(html)
    return parsed


def words(element: Element) -> str:
    """All text below an element, blanks collapsed."""
    return " ".join("".join(element.itertext()).split())


def heading(html: str) -> str:
    """What the page is called."""
    first = tree(html).find(".//h1")
    assert first is not None
    return words(first)
