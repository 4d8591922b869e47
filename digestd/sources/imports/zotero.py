"""Zotero's own JSON: the API's answer (https://www.zotero.org/support/dev/web_api/v3/basics), or a library's export.

Attachments, notes and annotations are no papers and are passed over.
"""

from collections.abc import Iterator
from datetime import datetime

from digestd.domain.paper import Sighting
from digestd.sources.dates import midnight, presumed
from digestd.sources.imports.identifiers import ids_of, named, within
from digestd.sources.imports.json_items import loaded, read_items
from digestd.sources.jats import words_of
from digestd.sources.json_records import Object, an_object, many, part, text
from digestd.sources.source import Page, words

_NO_PAPERS = frozenset({"attachment", "note", "annotation"})
_IDS = ("DOI", "archiveID", "url", "extra", "number")


def claims(written: str) -> bool:
    """Whether its first item has a type as Zotero names it."""
    items = _items(written)
    first = items[0] if isinstance(items, list) and items else None
    return isinstance(first, dict) and "itemType" in data_of(first)


def read(written: str) -> Page:
    """Its items."""
    return read_items(_items(written), sightings_of, "JSON of Zotero")


def _items(written: str) -> object:
    found = loaded(written)
    if isinstance(found, dict):
        return found.get("items", [found])
    return found


def data_of(item: Object) -> Object:
    """What an item says of itself, which exports leave out the wrapping of."""
    return part(item, "data") if isinstance(item.get("data"), dict) else item


def sightings_of(item: Object) -> Iterator[Sighting]:
    """The paper that an item is, if it is one. Raises BadRecord."""
    data = data_of(item)
    if text(data, "itemType") in _NO_PAPERS:
        return
    paper = words(
        words_of(text(data, "title")),
        words_of(text(data, "abstractNote")),
        [_name(maker) for each in many(data.get("creators")) if _wrote(maker := an_object(each, "creators"))],
        [text(data, "publicationTitle"), *(text(an_object(tag, "tags"), "tag") for tag in many(data.get("tags")))],
    )
    found = [name for key in _IDS for name in (named(text(data, key)), within(text(data, key)))]
    yield Sighting(ids_of(found, paper), paper, _published(text(data, "date")))


def _wrote(maker: Object) -> bool:
    return text(maker, "creatorType") in {"", "author"}


def _name(maker: Object) -> str:
    return text(maker, "name") or f"{text(maker, 'firstName')} {text(maker, 'lastName')}"


def _published(date: str) -> datetime | None:
    day = presumed(date[:10].replace("/", "-").split("-"), None)
    return midnight(day) if day else None
