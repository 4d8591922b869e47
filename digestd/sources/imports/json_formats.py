"""The JSON formats of several programs: CSL-JSON and ORCID, and what they share with Zotero's.

CSL-JSON (https://citeproc-js.readthedocs.io/en/latest/csl-json/markup.html) comes from Zotero, Pandoc and Crossref.
ORCID's JSON 2 and 3 (https://info.orcid.org/documentation/api-tutorials/api-tutorial-read-data-on-a-record/) is a
record, its list of works (summaries without authors and abstracts), or complete works. A field of another type than
expected is ignored, so that it never loses a paper.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date

from digestd.domain.paper import PaperId, Sighting
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
    require_object,
    text_values,
)
from digestd.sources.source import Page, clean_line
from digestd.text import inputs
from digestd.text.markup import jats_to_text
from digestd.text.people import natural_name

_NAME = ("given", "dropping-particle", "non-dropping-particle", "family", "suffix")
_OWN = frozenset({"", "self", "version-of"})
"""Relationship of an identifier that names the work itself, not its book or journal."""


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


def object_of(item: JsonObject, key: str) -> JsonObject:
    """Return the object under a key, or an empty one for anything else."""
    value = item.get(key)
    return value if isinstance(value, dict) else {}


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


def is_orcid(written: str) -> bool:
    return _orcid_works(load_json(written)) is not None


def read_orcid(written: str) -> Page:
    return read_items(_orcid_works(load_json(written)), _orcid_work, "JSON of ORCID's works")


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


def _orcid_works(found: object) -> object:
    if not isinstance(found, dict):
        return None
    for key in ("activities-summary", "works"):
        found = found[key] if isinstance(found.get(key), dict) else found
    return found.get("group") or found.get("bulk")


def _orcid_work(work: JsonObject) -> Iterator[Sighting]:
    """Yield the paper of a work. Of a group it is the preferred summary, which ORCID puts first. Raises BadRecord."""
    summaries = as_list(work.get("work-summary"))
    found = require_object(summaries[0], "work-summary") if summaries else object_of(work, "work")
    contributors = objects_at(object_of(found, "contributors"), "contributor")
    yield make_reference(
        text_in(object_of(object_of(found, "title"), "title"), "value"),
        text_in(found, "short-description"),
        [text_in(object_of(one, "credit-name"), "value") for one in contributors],
        [text_in(object_of(found, "journal-title"), "value")],
        _orcid_ids(found),
        _orcid_published(object_of(found, "publication-date")),
    )


def _orcid_ids(work: JsonObject) -> list[PaperId | None]:
    listed = objects_at(object_of(work, "external-ids"), "external-id")
    own = [text_in(one, "external-id-value") for one in listed if _relationship(one) in _OWN]
    address = text_in(object_of(work, "url"), "value")
    return [parse_identifier(value) or find_doi(value) for value in own] + [parse_identifier(address)]


def _relationship(identifier: JsonObject) -> str:
    """Return `version-of` for itself and for `VERSION_OF`, as version 2 of ORCID's JSON writes it."""
    return text_in(identifier, "external-id-relationship").lower().replace("_", "-")


def _orcid_published(written: JsonObject) -> date | None:
    parts = [value for key in ("year", "month", "day") if (value := text_in(object_of(written, key), "value"))]
    return publication_day(parts, None)
