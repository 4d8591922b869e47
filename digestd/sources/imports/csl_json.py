"""CSL-JSON (https://citeproc-js.readthedocs.io/en/latest/csl-json/markup.html): of Zotero, Pandoc, Crossref."""

from collections.abc import Iterator
from datetime import datetime

from digestd.domain.paper import Sighting
from digestd.sources.dates import midnight, presumed
from digestd.sources.imports.identifiers import ids_of, named, within
from digestd.sources.imports.json_items import is_json, loaded, read_items
from digestd.sources.jats import words_of
from digestd.sources.json_records import Object, an_object, many, part, text, texts
from digestd.sources.source import Page, words


def claims(written: str) -> bool:
    """Whether it is any JSON."""
    return is_json(written)


def read(written: str) -> Page:
    """Its items: a list, one alone, or Crossref's answer with a list in it."""
    found = loaded(written)
    if isinstance(found, dict):
        found = found.get("items", [found])
    return read_items(found, _sightings, "CSL-JSON")


def _sightings(item: Object) -> Iterator[Sighting]:
    title = texts(item.get("title"))
    paper = words(
        words_of(title[0]) if title else "",
        words_of(text(item, "abstract")),
        [_name(an_object(author, "author")) for author in many(item.get("author"))],
        [*texts(item.get("container-title"))[:1], *text(item, "keyword").split(",")],
    )
    found = [named(value) for key in ("DOI", "URL", "number") for value in texts(item.get(key))]
    notes = [within(value) for key in ("number", "note", "archive_location") for value in texts(item.get(key))]
    yield Sighting(ids_of([*found, *notes], paper), paper, _published(part(item, "issued")))


def _name(author: Object) -> str:
    spoken = " ".join(text(author, key) for key in ("given", "non-dropping-particle", "family", "suffix"))
    return text(author, "literal") or spoken


def _published(issued: Object) -> datetime | None:
    dates = many(issued.get("date-parts"))
    day = presumed(many(dates[0]), None) if dates else None
    return midnight(day) if day else None
