"""Read RIS: lines of a two-letter tag, two spaces, a dash, a space and a value.

`TY` begins a reference and `ER` ends it. Tags as in Wikipedia, "RIS (file format)"; of
several tags for one field the first counts. rispy is the oracle of the tests; it
silently drops references without `ER` and gives no line numbers.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from digestd.domain.paper import Sighting
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.dates import midnight, publication_day
from digestd.sources.imports.identifiers import find_arxiv_id, identifiers_or_hash, parse_identifier
from digestd.sources.source import Page, Reject, make_words

Fields = Mapping[str, list[str]]

_TAG = re.compile(r"([A-Z][A-Z0-9])  ?-(?: (.*))?$")
_BEGIN = re.compile(r"^TY  ?- ", re.MULTILINE)
_DATE = re.compile(r"(\d{4})(?:/(\d{1,2}))?(?:/(\d{1,2}))?")
_TITLES, _ABSTRACTS, _AUTHORS = ("TI", "T1", "CT"), ("AB", "N2"), ("AU", "A1")
_JOURNALS, _DATES = ("JO", "JF", "T2", "JA"), ("DA", "PY", "Y1")
_IDS = ("DO", "UR", "L1", "L2", "M1", "AN", "N1")


def matches(text: str) -> bool:
    """Return True if a reference begins anywhere in the text."""
    return _BEGIN.search(text) is not None


def read(text: str) -> Page:
    """Return the references of a text. Raises SourceFailed if there are none."""
    sightings: list[Sighting] = []
    rejects: list[Reject] = []
    for line, fields in _references(text):
        try:
            sightings.append(_sighting(fields))
        except BadRecord as problem:
            rejects.append(Reject(f"line {line}", problem.field, problem.message))
    if not sightings and not rejects:
        raise SourceFailed("the file holds no RIS reference, which begins with a line like `TY  - JOUR`")
    return Page(tuple(sightings), None, tuple(rejects))


def _references(text: str) -> Iterator[tuple[int, Fields]]:
    """Yield each reference with its first line.

    Without `ER` it ends where the next begins.
    """
    first, fields, last = 0, dict[str, list[str]](), ""
    for at, line in enumerate([*text.split("\n"), "ER  - "], start=1):
        found = _TAG.match(line.rstrip())
        tag, value = (found[1], (found[2] or "").strip()) if found else ("", line.strip())
        if tag in {"TY", "ER"}:
            if fields:
                yield first, fields
            first, fields, last = at, {"TY": [value]} if tag == "TY" else {}, tag
        elif fields and tag:
            last = tag
            fields.setdefault(tag, []).append(value)
        elif fields and value:
            fields[last].append(f"{fields[last].pop()} {value}"[:100_000])


def _sighting(fields: Fields) -> Sighting:
    paper = make_words(
        _first(fields, _TITLES),
        _first(fields, _ABSTRACTS),
        [_spoken(name) for tag in _AUTHORS for name in fields.get(tag, [])],
        [*fields.get("KW", []), _first(fields, _JOURNALS)],
    )
    values = [value for tag in _IDS for value in fields.get(tag, [])]
    found = [name for value in values for name in (parse_identifier(value), find_arxiv_id(value))]
    return Sighting(identifiers_or_hash(found, paper), paper, _published(_first(fields, _DATES)))


def _first(fields: Fields, tags: tuple[str, ...]) -> str:
    return next((value for tag in tags for value in fields.get(tag, []) if value), "")


def _spoken(name: str) -> str:
    last, comma, rest = name.partition(",")
    return f"{rest.replace(',', ' ').strip()} {last.strip()}".strip() if comma else name


def _published(written: str) -> datetime | None:
    found = _DATE.match(written)
    day = publication_day([part for part in found.groups() if part], None) if found else None
    return midnight(day) if day else None
