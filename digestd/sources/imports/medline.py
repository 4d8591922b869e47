"""MEDLINE, as PubMed exports it (`.nbib`): https://www.nlm.nih.gov/bsd/mms/medlineelements.html.

A tag of up to four letters is padded before its dash; a blank line ends a record. ERIC writes the same form with other
tags for identifiers.
"""

import re
from collections.abc import Callable

from digestd.domain.paper import PaperId, Sighting
from digestd.sources.dates import written_date
from digestd.sources.identifiers import find_doi, parse_pmid
from digestd.sources.imports.identifiers import make_reference
from digestd.sources.imports.tagged import Record, TaggedFormat
from digestd.sources.pubmed import plain_title
from digestd.text.people import indexed_name, natural_name

_PMC = re.compile(r"PMC\d{1,12}")


def _sighting(record: Record) -> Sighting:
    has_full = any(tag == "FAU" for tag, _ in record.fields)
    tag_of_people, name = ("FAU", natural_name) if has_full else ("AU", indexed_name)
    read: dict[str, Callable[[str], str]] = {tag_of_people: name, "CN": str.strip}
    authors = [read[tag](" ".join(lines)) for tag, lines in record.fields if tag in read]
    listed = [name for name in record.values("LID", "AID", "SO") if "[doi]" in name or "doi:" in name.lower()]
    pmc = _PMC.fullmatch(record.first("PMC"))
    return make_reference(
        plain_title(record.first("TI", "TT", "BTI")),
        record.first("AB"),
        authors,
        [record.first("JT", "TA"), *record.values("OT")],
        [
            *(find_doi(name) for name in listed),
            parse_pmid(record.first("PMID")),
            PaperId(f"pmcid:{pmc[0]}") if pmc else None,
        ],
        written_date(record.first("DEP")) or written_date(record.first("DP")),
    )


FORMAT = TaggedFormat(
    label="MEDLINE",
    example="PMID- 12345678",
    start=re.compile(r"^(?:PMID ?- \d|(?:OWN|STAT) ?- [A-Z])", re.MULTILINE),
    tag=re.compile(r"([A-Z][A-Z0-9]{1,4}) *-(?: (.*))?$"),
    begins=frozenset({"PMID"}),
    blank_divides=True,
    sighting=_sighting,
)
