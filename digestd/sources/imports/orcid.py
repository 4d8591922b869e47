"""ORCID JSON 3.0.

See https://info.orcid.org/documentation/api-tutorials/api-tutorial-read-data-on-a-record/.

A record, its list of works (summaries without authors and abstracts), or complete works.
"""

from collections.abc import Iterator
from datetime import date

from digestd.domain.paper import PaperId, Sighting
from digestd.sources.dates import publication_day
from digestd.sources.identifiers import find_doi, parse_identifier
from digestd.sources.imports.json_items import load_json, object_of, read_items, text_in
from digestd.sources.imports.reference import make_reference
from digestd.sources.json_records import JsonObject, as_list, objects_at, require_object
from digestd.sources.source import Page

_OWN = frozenset({"", "self", "version-of"})
"""Relationship of an identifier that names the work itself, not its book or journal."""


def matches(written: str) -> bool:
    """Return True if the text has works in ORCID's format."""
    return _works(load_json(written)) is not None


def read(written: str) -> Page:
    """Parse the works."""
    return read_items(_works(load_json(written)), sightings_of, "JSON of ORCID's works")


def _works(found: object) -> object:
    if not isinstance(found, dict):
        return None
    for key in ("activities-summary", "works"):
        found = found[key] if isinstance(found.get(key), dict) else found
    return found.get("group") or found.get("bulk")


def sightings_of(work: JsonObject) -> Iterator[Sighting]:
    """Yield the paper of a work.

    Of a group it is the preferred summary, which ORCID puts first.

    Raises BadRecord.
    """
    summaries = as_list(work.get("work-summary"))
    found = require_object(summaries[0], "work-summary") if summaries else object_of(work, "work")
    contributors = objects_at(object_of(found, "contributors"), "contributor")
    yield make_reference(
        text_in(object_of(object_of(found, "title"), "title"), "value"),
        text_in(found, "short-description"),
        [text_in(object_of(one, "credit-name"), "value") for one in contributors],
        [text_in(object_of(found, "journal-title"), "value")],
        _ids(found),
        _published(object_of(found, "publication-date")),
    )


def _ids(work: JsonObject) -> list[PaperId | None]:
    listed = objects_at(object_of(work, "external-ids"), "external-id")
    own = [text_in(one, "external-id-value") for one in listed if text_in(one, "external-id-relationship") in _OWN]
    address = text_in(object_of(work, "url"), "value")
    return [parse_identifier(value) or find_doi(value) for value in own] + [parse_identifier(address)]


def _published(written: JsonObject) -> date | None:
    parts = [value for key in ("year", "month", "day") if (value := text_in(object_of(written, key), "value"))]
    return publication_day(parts, None)
