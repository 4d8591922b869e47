"""Read HTML in tests."""

from xml.etree.ElementTree import Element

import html5lib


def tree(html: str) -> Element:
    """Return the page as a tree; elements are found by their tag."""
    parsed: Element = html5lib.HTMLParser(namespaceHTMLElements=False).parse(html)
    return parsed


def words(element: Element) -> str:
    """Return all text below an element with collapsed white space."""
    return " ".join("".join(element.itertext()).split())


def heading(html: str) -> str:
    first = tree(html).find(".//h1")
    assert first is not None
    return words(first)
