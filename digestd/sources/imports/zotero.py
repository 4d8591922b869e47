"""Zotero JSON: an answer of its API or an exported library.

Attachments, notes and annotations are skipped.

https://www.zotero.org/support/dev/web_api/v3/basics
"""

from collections.abc import Iterator

from digestd.domain.paper import Sighting
from digestd.sources.dates import written_date
from digestd.sources.identifiers import find_arxiv_id, find_doi, find_noted_doi, parse_identifier
from digestd.sources.imports.json_formats import load_json, read_items, text_in
from digestd.sources.imports.reference import make_reference
from digestd.sources.json_records import JsonObject, object_at, objects_at, text_values
from digestd.sources.source import Page
from digestd.text.markup import jats_to_text

_NO_PAPERS = frozenset({"attachment", "note", "annotation"})
_AUTHORS = frozenset({"", "author", "inventor", "presenter"})


def matches(written: str) -> bool:
    """Return True if the first item has a Zotero item type."""
    items = _items(written)
    first = items[0] if isinstance(items, list) and items else None
    return isinstance(first, dict) and "itemType" in item_data(first)


def read(written: str) -> Page:
    """Parse the items."""
    return read_items(_items(written), sightings_of, "JSON of Zotero")


def _items(written: str) -> object:
    found = load_json(written)
    if isinstance(found, dict):
        return found.get("items", [found])
    return found


def item_data(item: JsonObject) -> JsonObject:
    """Return an item's data, which exports do not wrap."""
    return object_at(item, "data") if isinstance(item.get("data"), dict) else item


def sightings_of(item: JsonObject) -> Iterator[Sighting]:
    """Yield the paper of an item, unless it is no paper. Raises BadRecord."""
    data = item_data(item)
    if text_in(data, "itemType") in _NO_PAPERS:
        return
    tags = [text_in(tag, "tag") for tag in objects_at(data, "tags")] + text_values(data.get("tags"))
    urls, notes = ("archiveID", "url", "number"), ("extra", "archiveID", "number")
    yield make_reference(
        jats_to_text(text_in(data, "title")),
        jats_to_text(text_in(data, "abstractNote")),
        [_name(maker) for maker in objects_at(data, "creators") if text_in(maker, "creatorType") in _AUTHORS],
        [text_in(data, "publicationTitle"), *tags],
        [
            find_doi(text_in(data, "DOI")),
            *(parse_identifier(text_in(data, key)) for key in urls),
            *(find_noted_doi(text_in(data, key)) for key in notes),
            *(find_arxiv_id(text_in(data, key)) for key in notes),
        ],
        written_date(text_in(data, "date")),
    )


def _name(maker: JsonObject) -> str:
    return text_in(maker, "name") or f"{text_in(maker, 'firstName')} {text_in(maker, 'lastName')}"
