"""Refer, which EndNote exports as `.enw` and Google Scholar offers: refer(1), https://man.openbsd.org/refer.7.

A percent sign, a letter or digit, a space and a value. A blank line ends a record.
"""

import re

from digestd.domain.paper import Sighting
from digestd.sources.dates import written_date
from digestd.sources.identifiers import find_arxiv_id, find_doi, parse_identifier
from digestd.sources.imports.identifiers import make_reference
from digestd.sources.imports.tagged import Record, TaggedFormat
from digestd.text.people import natural_name


def _sighting(record: Record) -> Sighting:
    return make_reference(
        record.first("%T"),
        record.first("%X"),
        [natural_name(name) for value in record.values("%A") for name in value.split(";")],
        [record.first("%J", "%B"), *record.lines("%K")],
        [
            *(find_doi(value) for value in record.values("%R")),
            *(parse_identifier(value) for value in record.values("%U")),
            *(find_arxiv_id(value) for value in record.values("%J", "%Z", "%O")),
        ],
        written_date(record.first("%8")) or written_date(record.first("%D")),
    )


FORMAT = TaggedFormat(
    label="EndNote (Refer)",
    example="%0 Journal Article",
    start=re.compile(r"^%(?:0 [A-Z]|[TA] \S.*\n(?:%[A-Z0-9] ))", re.MULTILINE),
    tag=re.compile(r"(%[A-Z0-9!@#$^&*()+\[\]=~?><,])(?: (.*))?$"),
    begins=frozenset({"%0"}),
    blank_divides=True,
    sighting=_sighting,
)
