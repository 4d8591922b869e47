"""Helpers shared by the XML-based import formats."""

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed
from digestd.sources.source import Page, Reject, read_each
from digestd.sources.xml_elements import XmlElements

_ROOT = re.compile(
    r"(?>(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^<>\[\]]*>)*+)<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)", re.DOTALL
)
_ENCODING = re.compile(r"""\A(\s*+<\?xml[^<>]{0,200}?)\s{1,9}encoding=["'][^"']*["']""")


def root_name(text: str) -> str:
    """Return the name of the root element without its prefix, or "" if a text is no XML."""
    found = _ROOT.match(text[:4_000])
    return found[1] if found else ""


def to_bytes(text: str) -> bytes:
    """Return the text as UTF-8, without the declaration of the encoding that it was read in."""
    return _ENCODING.sub(r"\1", text).encode("utf-8", "replace")


def read_xml(text: str, roots: frozenset[str], tag: str, sighting: Callable[[Element], Sighting], label: str) -> Page:
    """Return the papers of all elements with a tag.

    Raises SourceFailed if there are none.
    """
    elements = XmlElements(to_bytes(text), roots)
    records = ((f"record {number}", element) for number, element in enumerate(elements.read(tag), start=1))
    sightings, rejects = read_each(records, lambda element: [sighting(element)])
    if elements.broken:
        rejects.append(Reject("the end", "XML", f"{elements.broken}; export the file again"))
    if not sightings and not rejects:
        raise SourceFailed(f"the file holds no {label} record")
    return Page(tuple(sightings), None, tuple(rejects))
