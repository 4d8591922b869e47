"""OPML (http://opml.org/spec2.opml), a list of feeds: each is rejected with a hint for the operator."""

import re

from digestd.errors import SourceFailed
from digestd.sources.source import Page, Reject, web_url
from digestd.sources.xml_elements import XmlElements

_ENCODING = re.compile(r"""\A(\s*+<\?xml[^<>]{0,200}?)\s{1,9}encoding=["'][^"']*["']""")


def matches(text: str) -> bool:
    return "<opml" in text[:4_000].lower()


def read(text: str) -> Page:
    """Return no papers and a reject for each feed. Raises SourceFailed if there are none."""
    undeclared = _ENCODING.sub(r"\1", text)  # the text may have been read in another encoding than UTF-8
    elements = XmlElements(undeclared.encode("utf-8", "replace"), frozenset({"opml"}))
    feeds = [url for outline in elements.read("outline") if (url := outline.get("xmlUrl"))]
    if elements.broken:
        raise SourceFailed(f"the OPML cannot be read ({elements.broken}); export it again")
    if not feeds:
        raise SourceFailed("the OPML names no feed")
    return Page(rejects=tuple(Reject(f"feed {at}", "feed", _feed_remedy(url)) for at, url in enumerate(feeds, start=1)))


def _feed_remedy(url: str) -> str:
    if web_url(url) is None:
        return f"{url[:80]!r} is not a web address"
    return f"{url} is a feed, not a paper; whoever runs this digest can follow it: digestd source add 'feed:{url}'"
