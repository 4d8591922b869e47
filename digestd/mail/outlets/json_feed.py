"""Write papers as a JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""

import json
from collections.abc import Mapping

from digestd.mail.outlets.outlet import FEED_AUTHORS_MAX, ListedPaper, PaperList, feed_text, rfc3339
from digestd.text.sanitise import clean


def json_feed(papers: PaperList) -> bytes:
    """Return the papers as a JSON Feed."""
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": clean(papers.title),
        "home_page_url": papers.home,
        "feed_url": papers.url,
        "language": papers.language,
        "items": [_item(papers, item) for item in papers.items],
    }
    given = {name: value for name, value in document.items() if value or name == "items"}
    return json.dumps(given, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


def _item(papers: PaperList, item: ListedPaper) -> Mapping[str, object]:
    paper = item.paper
    fields = {
        "id": papers.urn_of(item),
        "url": paper.page,
        "title": paper.title,
        "summary": clean(item.gist),
        "content_text": feed_text(item),
        "date_published": rfc3339(paper.dated),
        "date_modified": rfc3339(item.at),
        "authors": [{"name": name} for name in paper.authors[:FEED_AUTHORS_MAX]],
        "tags": list(paper.codes),
    }
    return {name: value for name, value in fields.items() if value}
