"""CSL-JSON, and what it shares with Zotero's JSON.

CSL-JSON (https://citeproc-js.readthedocs.io/en/latest/csl-json/markup.html) comes from Zotero, Pandoc and Crossref. A
field of another type than expected is ignored, so that it never loses a paper.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed
from digestd.sources.dates import publication_day, written_date
from digestd.sources.identifiers import find_arxiv_id, find_doi, find_noted_doi, parse_identifier
from digestd.sources.imports.reference import make_reference
from digestd.sources.imports.unreadable import json_name, remedy
from digestd.sources.json_records import (
    TEXT_MAX,
    JsonObject,
    as_list,
    objects_at,
    read_records,
    text_values,
)
from digestd.sources.source import Page, clean_line
from digestd.text import inputs
from digestd.text.markup import jats_to_text
from digestd.text.people import natural_name

_NAME = ("given", "dropping-particle", "non-dropping-particle", "family", "suffix")


def load_json(text: str) -> object:
    """Parse JSON; return None if it is invalid."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return inputs.load_json(text)
    except ValueError:
        return None


def is_json(text: str) -> bool:
    """Return True if a text is meant as JSON, valid or not. BibTeX and prose begin differently."""
    return text.lstrip().startswith(("{", "[{", "[ ", "[\n", "[]"))


def text_in(item: JsonObject, key: str) -> str:
    """Return the text or number under a key as one line, or "" for anything else."""
    value = item.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return clean_line(str(value), TEXT_MAX)


def read_items(items: object, sightings: Callable[[JsonObject], Iterable[Sighting]], label: str) -> Page:
    """Parse the papers of a list of items. Raises SourceFailed if it is not a list, or empty."""
    if not isinstance(items, list) or not items:
        raise SourceFailed(f"the file is no {label}: it is cut short, or holds no list of items")
    papers, rejects = read_records(items, sightings)
    return Page(tuple(papers), None, tuple(rejects))


def read_csl(written: str) -> Page:
    """Parse the items: a list, a single one, or Crossref's answer with a list in it.

    Raises SourceFailed for JSON of another kind.
    """
    found = load_json(written)
    if isinstance(found, dict):
        message = found.get("message")
        found = (message if isinstance(message, dict) else found).get("items", [found])
    if name := json_name(found):
        raise SourceFailed(remedy(name))
    return read_items(found, _csl_item, "CSL-JSON")


def _csl_item(item: JsonObject) -> Iterator[Sighting]:
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
        _csl_published(item),
    )


def _name(author: JsonObject) -> str:
    return text_in(author, "literal") or " ".join(text_in(author, key) for key in _NAME)


def _csl_published(item: JsonObject) -> date | None:
    issued = next(iter(objects_at(item, "issued")), {})
    dates = as_list(issued.get("date-parts"))
    written = text_in(issued, "raw") or text_in(issued, "literal") or text_in(item, "issued")
    return (publication_day(as_list(dates[0]), None) if dates else None) or written_date(written)
