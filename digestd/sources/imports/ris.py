"""RIS: lines of a two-letter tag, two spaces, a dash, a space and a value.

`TY` begins a reference and `ER` ends it. Tags as in Wikipedia, "RIS (file format)"; of
several tags for one field the first counts. rispy is the oracle of the tests; it
silently drops references without `ER` and gives no line numbers.
"""

import re

from digestd.domain.paper import Sighting
from digestd.sources.dates import written_date
from digestd.sources.identifiers import find_arxiv_id, find_doi, find_noted_doi, parse_identifier
from digestd.sources.imports.identifiers import make_reference
from digestd.sources.imports.tagged import Record, TaggedFormat
from digestd.text.people import natural_name

_ADDRESSES, _NOTES = ("UR", "L1", "L2", "L3", "M1", "AN", "M3"), ("N1", "M1", "AN", "UR")


def _sighting(record: Record) -> Sighting | None:
    if [tag for tag, _ in record.fields] == ["TY"]:
        return None
    return make_reference(
        record.first("TI", "T1", "CT", "BT"),
        record.first("AB", "N2"),
        _authors(record),
        [*record.values("KW"), record.first("JO", "JF", "T2", "JA")],
        [
            *(find_doi(value) for value in record.values("DO")),
            *(parse_identifier(value) for value in record.values(*_ADDRESSES)),
            *(find_noted_doi(value) for value in record.values(*_NOTES)),
            *(find_arxiv_id(value) for value in record.values(*_NOTES, "JO", "JF", "T2")),
        ],
        written_date(record.first("DA")) or written_date(record.first("PY", "Y1")),
    )


def _authors(record: Record) -> list[str]:
    """Return the authors; those of an edited book are its editors."""
    if record.first("TY") == "EDBOOK":
        return []
    return [natural_name(name) for name in record.values("AU", "A1")]


FORMAT = TaggedFormat(
    label="RIS",
    example="TY  - JOUR",
    start=re.compile(r"^TY {1,2}- ", re.MULTILINE),
    tag=re.compile(r"([A-Z][A-Z0-9]) {1,2}-(?: (.*))?$"),
    begins=frozenset({"TY"}),
    ends=frozenset({"ER"}),
    sighting=_sighting,
)
