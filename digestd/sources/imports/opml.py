"""OPML (http://opml.org/spec2.opml), a list of feeds.

Each is rejected with a hint for the operator.
"""

from digestd.errors import SourceFailed
from digestd.sources.imports.xml_records import to_bytes
from digestd.sources.source import Page, Reject, web_url
from digestd.sources.xml_elements import XmlElements

_ROOT = "opml"


def matches(text: str) -> bool:
    """Return True if the text has an OPML root element."""
    return "<opml" in text[:4_000].lower()


def read(text: str) -> Page:
    """Return no papers and a reject for each feed.

    Raises SourceFailed if there are none.
    """
    elements = XmlElements(to_bytes(text), frozenset({_ROOT}))
    feeds = [url for outline in elements.read("outline") if (url := outline.get("xmlUrl"))]
    if elements.broken:
        raise SourceFailed(f"the OPML cannot be read ({elements.broken}); export it again")
    if not feeds:
        raise SourceFailed("the OPML names no feed")
    return Page(rejects=tuple(Reject(f"feed {at}", "feed", _remedy(url)) for at, url in enumerate(feeds, start=1)))


def _remedy(url: str) -> str:
    if web_url(url) is None:
        return f"{url[:80]!r} is not a web address"
    return f"{url} is a feed, not a paper; whoever runs this digest can follow it: digestd source add 'feed:{url}'"
