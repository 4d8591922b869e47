"""ORCID's JSON, version 3.0 (https://info.orcid.org/documentation/api-tutorials/api-tutorial-read-data-on-a-record/).

A record, its list of works (summaries, without authors and abstracts), or works in full.
"""

from collections.abc import Iterator
from datetime import datetime

from digestd.domain.paper import PaperId, Sighting
from digestd.sources.dates import midnight, presumed
from digestd.sources.imports.identifiers import ids_of, named
from digestd.sources.imports.json_items import loaded, read_items
from digestd.sources.json_records import Object, an_object, many, part, text
from digestd.sources.source import Page, words

_OWN = frozenset({"", "self", "version-of"})
"""How an identifier is of the work itself, not of the book or journal it is part of."""


def claims(written: str) -> bool:
    """Whether it has works as ORCID lists them."""
    return _works(loaded(written)) is not None


def read(written: str) -> Page:
    """Its works."""
    return read_items(_works(loaded(written)), sightings_of, "JSON of ORCID's works")


def _works(found: object) -> object:
    if not isinstance(found, dict):
        return None
    for key in ("activities-summary", "works"):
        found = found[key] if isinstance(found.get(key), dict) else found
    return found.get("group") or found.get("bulk")


def sightings_of(work: Object) -> Iterator[Sighting]:
    """The paper that a work is: of a group the summary its owner prefers, which ORCID puts first; in full, itself.

    Raises BadRecord.
    """
    summaries = many(work.get("work-summary"))
    found = an_object(summaries[0], "work-summary") if summaries else part(work, "work")
    paper = words(
        text(part(part(found, "title"), "title"), "value"),
        text(found, "short-description"),
        [_name(an_object(one, "contributor")) for one in many(part(found, "contributors").get("contributor"))],
        [text(part(found, "journal-title"), "value")],
    )
    yield Sighting(ids_of(_ids(found), paper), paper, _published(part(found, "publication-date")))


def _ids(work: Object) -> list[PaperId | None]:
    listed = [an_object(one, "external-id") for one in many(part(work, "external-ids").get("external-id"))]
    own = [one for one in listed if text(one, "external-id-relationship") in _OWN]
    return [named(text(one, "external-id-value")) for one in own] + [named(text(part(work, "url"), "value"))]


def _name(contributor: Object) -> str:
    return text(part(contributor, "credit-name"), "value")


def _published(date: Object) -> datetime | None:
    parts = [value for key in ("year", "month", "day") if (value := text(part(date, key), "value"))]
    day = presumed(parts, None)
    return midnight(day) if day else None
