"""JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/), parsed leniently.

Numeric ids, wrong dates.
"""

from datetime import datetime

from digestd.errors import SourceFailed
from digestd.sources.feeds.entry import FeedEntry
from digestd.sources.json_records import JsonObject, as_list, load_object, text_values
from digestd.sources.source import parse_timestamp


def read(body: bytes) -> tuple[str, list[FeedEntry]]:
    """Return the feed's base address and its entries.

    Raises SourceFailed if it is not a JSON Feed.
    """
    found = load_object(body)
    items = found.get("items")
    if not isinstance(items, list):
        raise SourceFailed("the answer is JSON, but no JSON Feed: it has no list of items")
    return _text(found, "home_page_url") or _text(found, "feed_url"), [_entry(item) for item in items]


def _entry(item: object) -> FeedEntry:
    if not isinstance(item, dict):
        return FeedEntry("")  # without a title, so it is rejected
    return FeedEntry(
        title=_text(item, "title"),
        summary=_text(item, "summary"),
        content=_text(item, "content_text") or _text(item, "content_html"),
        link=_text(item, "url") or _text(item, "external_url"),
        authors=_authors(item),
        identifiers=(_text(item, "id"), _text(item, "external_url")),
        categories=tuple(text_values(item.get("tags"))),
        published=_published(item),
        pdf=_pdf(item),
    )


def _text(item: JsonObject, key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _authors(item: JsonObject) -> tuple[str, ...]:
    """Return `authors` of version 1.1, or the single `author` of version 1."""
    given = as_list(item.get("authors")) or as_list(item.get("author"))
    return tuple(_text(author, "name") for author in given if isinstance(author, dict))


def _published(item: JsonObject) -> datetime | None:
    for key in ("date_published", "date_modified"):
        try:
            return parse_timestamp(_text(item, key))
        except (ValueError, OverflowError):
            continue
    return None


def _pdf(item: JsonObject) -> str:
    files = [file for file in as_list(item.get("attachments")) if isinstance(file, dict)]
    return next((_text(file, "url") for file in files if _text(file, "mime_type") == "application/pdf"), "")
