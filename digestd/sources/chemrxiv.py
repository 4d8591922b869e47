"""Preprints of ChemRxiv: `chemrxiv`, `chemrxiv:Catalysis+Energy`.

GET https://api.crossref.org/works by the DOI prefix of ChemRxiv, documented at
https://www.crossref.org/documentation/retrieve-metadata/rest-api/; ChemRxiv's own interface went with its former
platform. Crossref has titles, abstracts, people, the subject (`group-title`) and the article that a preprint became.
Each version of a preprint has a DOI of its own, which ends with `-v2` or `/v2`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from digestd.domain.paper import PaperId, Sighting
from digestd.errors import BadInput
from digestd.sources.arxiv.api import unique_ids
from digestd.sources.crossref import Crossref, parse_works, read_work, works_request
from digestd.sources.json_records import JsonObject, text_at
from digestd.sources.source import Page, RateLimit, Request, clean_line
from digestd.text.html_text import html_to_text

PREFIX = "10.26434"

_SUBJECT = re.compile(r"[A-Z][A-Za-z ]{2,60}")
_VERSIONED = re.compile(r"(doi:10\.26434/chemrxiv[^\s/]{1,80}?)[-./]v(\d{1,3})")


@dataclass(frozen=True, slots=True)
class Chemrxiv:
    """New preprints of ChemRxiv, of some subjects or of all."""

    subjects: tuple[str, ...] = ()

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """Create the source from subjects."""
        found = tuple(dict.fromkeys(" ".join(name.split()) for name in argument.split("+"))) if argument else ()
        if len(argument) > 180 or not all(_SUBJECT.fullmatch(name) for name in found):
            raise BadInput(
                f"chemrxiv: {argument[:80]!r} is not a list of subjects; write them like chemrxiv:Catalysis+Energy, or "
                "chemrxiv alone for all"
            )
        return cls(found)

    @property
    def name(self) -> str:
        """Return `chemrxiv` and the subjects."""
        return f"chemrxiv:{'+'.join(self.subjects)}" if self.subjects else "chemrxiv"

    @property
    def rate_limit(self) -> RateLimit:
        """Return the limit shared with the journals at Crossref."""
        return Crossref(()).rate_limit

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the next page."""
        return works_request([f"prefix:{PREFIX}", "type:posted-content"], since, cursor)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse one page; request an empty one again if records are missing."""
        return parse_works(body, cursor, self._sightings)

    def _sightings(self, work: JsonObject) -> Iterator[Sighting]:
        """Yield a preprint of the subjects, under the DOI of its first version."""
        subject = clean_line(html_to_text(text_at(work, "group-title")), 100)
        if self.subjects and subject.lower() not in {name.lower() for name in self.subjects}:
            return
        for sighting in read_work(work):
            words = replace(sighting.words, categories=(subject,) if subject else ())
            yield _as_version(replace(sighting, words=words, venue=""))


def _as_version(sighting: Sighting) -> Sighting:
    own, *others = sighting.ids
    found = _VERSIONED.fullmatch(own)
    if found is None:
        return sighting
    version = int(found[2])
    announced = sighting.announced if version <= 1 else "replace"
    return replace(sighting, ids=unique_ids([PaperId(found[1]), own, *others]), version=version, announced=announced)
