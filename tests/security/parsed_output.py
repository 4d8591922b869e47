"""Read an answer as a browser, a mail client or a terminal does."""

import re
from collections.abc import Iterator
from functools import cached_property
from xml.etree.ElementTree import Element

from tests.web.html import tree, words

Mark = tuple[str, frozenset[str], frozenset[tuple[str, str]]]
_TELLING = {"class", "style", "type", "rel", "role", "method", "http-equiv", "name", "enctype", "lang", "dir"}
"""Attributes whose values are the template's own, too."""
_LEADING = {"href", "src", "action", "formaction", "poster", "data", "srcset", "xlink:href", "ping", "background"}
_SPOKEN = ("title", "alt", "aria-label", "placeholder", "value", "content", "href")
_SILENT = {"hidden", "radio", "checkbox"}
_LEADS = re.compile(
    r"https?://[^\s]+|/[^/\\\s][^\s\\]*|/|#[a-z]*|#p[0-9]+|\?lang=[a-z-]+|mailto:[a-z0-9+@.?=&%_~-]+", re.IGNORECASE
)
_UNRULY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


class Seen:
    """HTML as a browser parses it."""

    def __init__(self, html: str) -> None:
        self._root = tree(html)

    @cached_property
    def elements(self) -> list[Element]:
        """Return all elements, without comments."""
        return [element for element in self._root.iter() if isinstance(element.tag, str)]

    @property
    def marks(self) -> set[Mark]:
        """Return the kinds of elements. Tag, attribute names, and values that must not come from outside."""
        return {
            (
                str(element.tag),
                frozenset(map(str, element.attrib)),
                frozenset((name, value) for name, value in element.attrib.items() if name in _TELLING),
            )
            for element in self.elements
        }

    @property
    def astray(self) -> set[str]:
        """Return the URLs that are neither ours nor on the web."""
        found = {value for one in self.elements for name, value in one.attrib.items() if name in _LEADING}
        return {address for address in found if not _LEADS.fullmatch(address)}

    @property
    def links(self) -> set[str]:
        """Return the texts that are links."""
        return {words(one) for one in self.elements if one.tag == "a"}

    @property
    def said(self) -> str:
        """Return all text that a person sees or hears."""
        return "\n".join([*self._root.itertext(), *self._spoken()])

    def _spoken(self) -> Iterator[str]:
        for one in self.elements:
            if one.attrib.get("type") not in _SILENT:
                yield from (one.attrib[name] for name in _SPOKEN if name in one.attrib)


def unruly(text: str) -> set[str]:
    """Return characters that disturb output. They control a terminal, break a line or change the text direction."""
    return set(_UNRULY.findall(text))
