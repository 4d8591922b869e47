"""ORCID JSON 3.0.

See https://info.orcid.org/documentation/api-tutorials/api-tutorial-read-data-on-a-record/.

A record, its list of works (summaries without authors and abstracts), or complete works.
"""

from collections.abc import Iterator
from datetime import datetime

from digestd.domain.paper import PaperId, Sighting
from digestd.sources.dates import midnight, publication_day
from digestd.sources.imports.identifiers import identifiers_or_hash, parse_identifier
from digestd.sources.imports.json_items import load_json, read_items
from digestd.sources.json_records import JsonObject, as_list, object_at, require_object, text_at
from digestd.sources.source import Page, make_words

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
    found = require_object(summaries[0], "work-summary") if summaries else object_at(work, "work")
    paper = make_words(
        text_at(object_at(object_at(found, "title"), "title"), "value"),
        text_at(found, "short-description"),
        [
            _name(require_object(one, "contributor"))
            for one in as_list(object_at(found, "contributors").get("contributor"))
        ],
        [text_at(object_at(found, "journal-title"), "value")],
    )
    yield Sighting(identifiers_or_hash(_ids(found), paper), paper, _published(object_at(found, "publication-date")))


def _ids(work: JsonObject) -> list[PaperId | None]:
    listed = [require_object(one, "external-id") for one in as_list(object_at(work, "external-ids").get("external-id"))]
    own = [one for one in listed if text_at(one, "external-id-relationship") in _OWN]
    return [parse_identifier(text_at(one, "external-id-value")) for one in own] + [
        parse_identifier(text_at(object_at(work, "url"), "value"))
    ]


def _name(contributor: JsonObject) -> str:
    return text_at(object_at(contributor, "credit-name"), "value")


def _published(date: JsonObject) -> datetime | None:
    parts = [value for key in ("year", "month", "day") if (value := text_at(object_at(date, key), "value"))]
    day = publication_day(parts, None)
    return midnight(day) if day else None
