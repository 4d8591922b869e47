"""JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/), read leniently: ids may be numbers, dates wrong."""

from datetime import datetime

from digestd.errors import SourceFailed
from digestd.sources.feed_entry import Entry
from digestd.sources.json_records import Object, load, many, texts
from digestd.sources.source import instant


def read(body: bytes) -> tuple[str, list[Entry]]:
    """Where the feed's relative addresses start, and its entries. Raises SourceFailed where it is no feed."""
    found = load(body)
    items = found.get("items")
    if not isinstance(items, list):
        raise SourceFailed("the answer is JSON, but no JSON Feed: it has no list of items")
    return _text(found, "home_page_url") or _text(found, "feed_url"), [_entry(item) for item in items]


def _entry(item: object) -> Entry:
    if not isinstance(item, dict):
        return Entry("")  # without a title, so it is rejected
    return Entry(
        title=_text(item, "title"),
        summary=_text(item, "summary") or _text(item, "content_text") or _text(item, "content_html"),
        link=_text(item, "url") or _text(item, "external_url"),
        authors=_authors(item),
        identifiers=(_text(item, "id"), _text(item, "external_url")),
        categories=tuple(texts(item.get("tags"))),
        published=_published(item),
        pdf=_pdf(item),
    )


def _text(item: Object, key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _authors(item: Object) -> tuple[str, ...]:
    """`authors` of version 1.1, or the one `author` of version 1."""
    given = many(item.get("authors")) or many(item.get("author"))
    return tuple(_text(author, "name") for author in given if isinstance(author, dict))


def _published(item: Object) -> datetime | None:
    for key in ("date_published", "date_modified"):
        try:
            return instant(_text(item, key))
        except (ValueError, OverflowError):
            continue
    return None


def _pdf(item: Object) -> str:
    files = [file for file in many(item.get("attachments")) if isinstance(file, dict)]
    return next((_text(file, "url") for file in files if _text(file, "mime_type") == "application/pdf"), "")
