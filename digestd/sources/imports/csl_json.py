"""CSL-JSON of Zotero, Pandoc and Crossref.

See https://citeproc-js.readthedocs.io/en/latest/csl-json/markup.html.
"""

from collections.abc import Iterator
from datetime import datetime

from digestd.domain.paper import Sighting
from digestd.sources.dates import midnight, publication_day
from digestd.sources.imports.identifiers import find_arxiv_id, identifiers_or_hash, parse_identifier
from digestd.sources.imports.json_items import is_json, load_json, read_items
from digestd.sources.jats import jats_to_text
from digestd.sources.json_records import JsonObject, as_list, object_at, require_object, text_at, text_values
from digestd.sources.source import Page, make_words


def matches(written: str) -> bool:
    """Return True for any JSON."""
    return is_json(written)


def read(written: str) -> Page:
    """Parse the items: a list, a single one, or Crossref's answer with a list in it."""
    found = load_json(written)
    if isinstance(found, dict):
        found = found.get("items", [found])
    return read_items(found, _sightings, "CSL-JSON")


def _sightings(item: JsonObject) -> Iterator[Sighting]:
    title = text_values(item.get("title"))
    paper = make_words(
        jats_to_text(title[0]) if title else "",
        jats_to_text(text_at(item, "abstract")),
        [_name(require_object(author, "author")) for author in as_list(item.get("author"))],
        [*text_values(item.get("container-title"))[:1], *text_at(item, "keyword").split(",")],
    )
    found = [parse_identifier(value) for key in ("DOI", "URL", "number") for value in text_values(item.get(key))]
    notes = [
        find_arxiv_id(value) for key in ("number", "note", "archive_location") for value in text_values(item.get(key))
    ]
    yield Sighting(identifiers_or_hash([*found, *notes], paper), paper, _published(object_at(item, "issued")))


def _name(author: JsonObject) -> str:
    spoken = " ".join(text_at(author, key) for key in ("given", "non-dropping-particle", "family", "suffix"))
    return text_at(author, "literal") or spoken


def _published(issued: JsonObject) -> datetime | None:
    dates = as_list(issued.get("date-parts"))
    day = publication_day(as_list(dates[0]), None) if dates else None
    return midnight(day) if day else None
