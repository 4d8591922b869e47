"""CSL-JSON of Zotero, Pandoc and Crossref.

See https://citeproc-js.readthedocs.io/en/latest/csl-json/markup.html.
"""

from collections.abc import Iterator
from datetime import date

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed
from digestd.sources.dates import publication_day, written_date
from digestd.sources.identifiers import find_arxiv_id, find_doi, find_noted_doi, parse_identifier
from digestd.sources.imports.json_items import is_json, load_json, read_items, text_in
from digestd.sources.imports.reference import make_reference
from digestd.sources.imports.unreadable import json_name, remedy
from digestd.sources.json_records import JsonObject, as_list, objects_at, text_values
from digestd.sources.source import Page
from digestd.text.jats import jats_to_text
from digestd.text.people import natural_name

_NAME = ("given", "dropping-particle", "non-dropping-particle", "family", "suffix")


def matches(written: str) -> bool:
    """Return True for any JSON."""
    return is_json(written)


def read(written: str) -> Page:
    """Parse the items: a list, a single one, or Crossref's answer with a list in it.

    Raises SourceFailed for JSON of another kind.
    """
    found = load_json(written)
    if isinstance(found, dict):
        message = found.get("message")
        found = (message if isinstance(message, dict) else found).get("items", [found])
    if name := json_name(found):
        raise SourceFailed(remedy(name))
    return read_items(found, _sightings, "CSL-JSON")


def _sightings(item: JsonObject) -> Iterator[Sighting]:
    title = text_values(item.get("title"))
    notes = [value for key in ("number", "note", "archive_location") for value in text_values(item.get(key))]
    yield make_reference(
        jats_to_text(title[0]) if title else "",
        jats_to_text(text_in(item, "abstract")),
        [_name(author) for author in objects_at(item, "author")]
        + [natural_name(author) for author in text_values(item.get("author"))],
        [*text_values(item.get("container-title"))[:1], *text_in(item, "keyword").split(",")],
        [
            *(find_doi(value) for value in text_values(item.get("DOI"))),
            *(parse_identifier(value) for key in ("URL", "number") for value in text_values(item.get(key))),
            *(find_noted_doi(note) for note in notes),
            *(find_arxiv_id(note) for note in notes),
        ],
        _published(item),
    )


def _name(author: JsonObject) -> str:
    return text_in(author, "literal") or " ".join(text_in(author, key) for key in _NAME)


def _published(item: JsonObject) -> date | None:
    issued = next(iter(objects_at(item, "issued")), {})
    dates = as_list(issued.get("date-parts"))
    written = text_in(issued, "raw") or text_in(issued, "literal") or text_in(item, "issued")
    return (publication_day(as_list(dates[0]), None) if dates else None) or written_date(written)
