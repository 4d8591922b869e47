"""Web of Science, plain text: https://images.webofknowledge.com/images/help/WOS/hs_wos_fieldtags.html.

A two-letter tag and a space; lines below it are indented, each with another author or the next words. `PT` begins a
record, `ER` ends it, `FN`, `VR` and `EF` belong to the file.
"""

import re

from digestd.domain.paper import PaperId, Sighting
from digestd.sources.dates import written_date
from digestd.sources.identifiers import find_arxiv_id, find_doi, parse_pmid
from digestd.sources.imports.identifiers import make_reference
from digestd.sources.imports.tagged import Record, TaggedFormat
from digestd.text.people import indexed_name

_MAIL = re.compile(r"(?<!\s)\s*\([^()@]*@[^()]*\)")


def _sighting(record: Record) -> Sighting | None:
    if record.fields[0][0] != "PT":
        return None
    people = record.lines("AF") or record.lines("AU")
    names = [*(indexed_name(_MAIL.sub("", name)) for name in people), *record.lines("CA")]
    return make_reference(
        record.first("TI"),
        record.first("AB"),
        names,
        [record.first("SO"), *record.first("DE").split(";")],
        _ids(record),
        written_date(f"{record.first('PD')} {record.first('PY')}") or written_date(record.first("PY")),
    )


def _ids(record: Record) -> list[PaperId | None]:
    return [
        find_doi(record.first("DI")),
        find_doi(record.first("D2")) if record.first("PT") == "B" and not record.first("DI") else None,
        find_arxiv_id(record.first("AR")),
        parse_pmid(record.first("PM")),
    ]


FORMAT = TaggedFormat(
    label="Web of Science",
    example="PT J",
    start=re.compile(r"^(?:FN [A-Z].*\nVR \d|PT [A-Z]\n(?:[A-Z][A-Z0-9] .*\n|[ \t].*\n){2})", re.MULTILINE),
    tag=re.compile(r"([A-Z][A-Z0-9])(?: (.*))?$"),
    begins=frozenset({"PT", "FN"}),
    ends=frozenset({"ER", "EF"}),
    sighting=_sighting,
)
