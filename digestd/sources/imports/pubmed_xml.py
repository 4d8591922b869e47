"""PubMed XML, parsed by the source `pubmed`."""

from digestd.errors import SourceFailed
from digestd.sources.imports.xml_records import root_name, to_bytes
from digestd.sources.pubmed import ROOTS, read_articles
from digestd.sources.source import Page


def matches(text: str) -> bool:
    """Return True if the root element is PubMed's."""
    return root_name(text) in ROOTS


def read(text: str) -> Page:
    """Parse the articles. Raises SourceFailed if there are none."""
    page, count = read_articles(to_bytes(text))
    if not count:
        raise SourceFailed("the file holds no PubMed record")
    return page
