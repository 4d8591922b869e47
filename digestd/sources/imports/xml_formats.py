"""The XML formats: EndNote, PubMed and OPML.

EndNote wraps texts in `<style>` and publishes a DTD with its program. PubMed's records are parsed as by the source
`pubmed`. OPML (http://opml.org/spec2.opml) is a list of feeds; each is rejected with a hint for the operator.
"""

import re
from xml.etree.ElementTree import Element

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed
from digestd.sources.dates import written_date
from digestd.sources.identifiers import find_doi, find_noted_doi, parse_identifier
from digestd.sources.imports.reference import ENTRIES_MAX, make_reference
from digestd.sources.pubmed import ROOTS, read_articles
from digestd.sources.source import Page, Reject, read_each, web_url
from digestd.sources.xml_elements import XmlElements, text_of
from digestd.text.people import natural_name

_ENDNOTE_ROOTS = frozenset({"xml", "records"})
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


def is_endnote(text: str) -> bool:
    return root_name(text) in _ENDNOTE_ROOTS and "<record" in text


def read_endnote(text: str) -> Page:
    """Parse the records of EndNote. Raises SourceFailed if there are none."""
    elements = XmlElements(to_bytes(text), _ENDNOTE_ROOTS, ENTRIES_MAX + 1)
    records = ((f"record {number}", element) for number, element in enumerate(elements.read("record"), start=1))
    sightings, rejects = read_each(records, lambda element: [_endnote(element)])
    if elements.broken:
        rejects.append(Reject("the end", "XML", f"{elements.broken}; export the file again"))
    if not sightings and not rejects:
        raise SourceFailed("the file holds no EndNote record")
    return Page(tuple(sightings), None, tuple(rejects))


def is_pubmed(text: str) -> bool:
    return root_name(text) in ROOTS


def read_pubmed(text: str) -> Page:
    """Parse the articles. Raises SourceFailed if there are none."""
    page, count = read_articles(to_bytes(text), ENTRIES_MAX + 1)
    if not count:
        raise SourceFailed("the file holds no PubMed record")
    return page


def is_opml(text: str) -> bool:
    return "<opml" in text[:4_000].lower()


def read_opml(text: str) -> Page:
    """Return no papers and a reject for each feed. Raises SourceFailed if there are none."""
    elements = XmlElements(to_bytes(text), frozenset({"opml"}))
    feeds = [url for outline in elements.read("outline") if (url := outline.get("xmlUrl"))]
    if elements.broken:
        raise SourceFailed(f"the OPML cannot be read ({elements.broken}); export it again")
    if not feeds:
        raise SourceFailed("the OPML names no feed")
    return Page(rejects=tuple(Reject(f"feed {at}", "feed", _feed_remedy(url)) for at, url in enumerate(feeds, start=1)))


def _endnote(record: Element) -> Sighting:
    days = [text_of(record.find("dates/pub-dates/date")), text_of(record.find("dates/year"))]
    addresses = [text_of(url) for url in record.iterfind("urls//url")]
    return make_reference(
        text_of(record.find("titles/title")),
        text_of(record.find("abstract")),
        [natural_name(text_of(author)) for author in record.iterfind("contributors/authors/author")],
        [
            text_of(record.find("periodical/full-title")) or text_of(record.find("titles/secondary-title")),
            *(text_of(word) for word in record.iterfind("keywords/keyword")),
        ],
        [
            find_doi(text_of(record.find("electronic-resource-num"))),
            *(parse_identifier(address) for address in addresses),
            find_noted_doi(text_of(record.find("notes"))),
        ],
        written_date(" ".join(days)) or written_date(days[1]),
    )


def _feed_remedy(url: str) -> str:
    if web_url(url) is None:
        return f"{url[:80]!r} is not a web address"
    return f"{url} is a feed, not a paper; whoever runs this digest can follow it: digestd source add 'feed:{url}'"
