"""Zotero JSON: an answer of its API or an exported library.

Attachments, notes and annotations are skipped.

https://www.zotero.org/support/dev/web_api/v3/basics
"""

from collections.abc import Iterator
from datetime import datetime

from digestd.domain.paper import Sighting
from digestd.sources.dates import midnight, publication_day
from digestd.sources.imports.identifiers import find_arxiv_id, identifiers_or_hash, parse_identifier
from digestd.sources.imports.json_items import load_json, read_items
from digestd.sources.jats import jats_to_text
from digestd.sources.json_records import JsonObject, as_list, object_at, require_object, text_at
from digestd.sources.source import Page, make_words

_NO_PAPERS = frozenset({"attachment", "note", "annotation"})
_IDS = ("DOI", "archiveID", "url", "extra", "number")


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
    if text_at(data, "itemType") in _NO_PAPERS:
        return
    tags = [text_at(require_object(tag, "tags"), "tag") for tag in as_list(data.get("tags"))]
    paper = make_words(
        jats_to_text(text_at(data, "title")),
        jats_to_text(text_at(data, "abstractNote")),
        [_name(maker) for each in as_list(data.get("creators")) if _wrote(maker := require_object(each, "creators"))],
        [
            text_at(data, "publicationTitle"),
            *tags,
        ],
    )
    found = [name for key in _IDS for name in (parse_identifier(text_at(data, key)), find_arxiv_id(text_at(data, key)))]
    yield Sighting(identifiers_or_hash(found, paper), paper, _published(text_at(data, "date")))


def _wrote(maker: JsonObject) -> bool:
    return text_at(maker, "creatorType") in {"", "author"}


def _name(maker: JsonObject) -> str:
    return text_at(maker, "name") or f"{text_at(maker, 'firstName')} {text_at(maker, 'lastName')}"


def _published(date: str) -> datetime | None:
    day = publication_day(date[:10].replace("/", "-").split("-"), None)
    return midnight(day) if day else None
