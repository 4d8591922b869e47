"""RefWorks, tagged: https://refworks.com/refworks/help/RefWorks_Tagged_Format.htm.

A two-letter tag and a space. `RT` begins a record.
"""

import re

from digestd.domain.paper import Sighting
from digestd.sources.dates import written_date
from digestd.sources.dois import find_doi
from digestd.sources.imports.identifiers import find_arxiv_id, find_noted_doi, make_reference, parse_identifier
from digestd.sources.imports.tagged import Record, TaggedFormat
from digestd.sources.names import natural_name


def _sighting(record: Record) -> Sighting | None:
    if record.fields[0][0] != "RT":
        return None
    dates = (f"{record.first('FD')} {record.first('YR')}", record.first("FD"), record.first("YR"))
    return make_reference(
        record.first("T1"),
        record.first("AB"),
        [natural_name(name) for name in record.values("A1")],
        [record.first("JF", "JO"), *record.values("K1")],
        [
            *(find_doi(value) for value in record.values("DO")),
            *(parse_identifier(value) for value in record.values("LK", "UL")),
            *(find_noted_doi(value) for value in record.values("NO")),
            *(find_arxiv_id(value) for value in record.values("NO", "JF")),
        ],
        next((found for value in dates if (found := written_date(value))), None),
    )


FORMAT = TaggedFormat(
    label="RefWorks",
    example="RT Journal Article",
    start=re.compile(r"^RT [A-Z][A-Za-z, /()-]+\n(?:[A-Z][A-Z0-9] .*\n){0,20}(?:T1|A1|SR|ID) ", re.MULTILINE),
    tag=re.compile(r"([A-Z][A-Z0-9])(?: (.*))?$"),
    begins=frozenset({"RT"}),
    ends=frozenset({"ER"}),
    sighting=_sighting,
)
