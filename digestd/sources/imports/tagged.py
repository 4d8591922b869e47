"""Read records of tagged lines: RIS and MEDLINE.

A line with a tag begins a field; a line without one continues it. A form says what a tag looks like, and where a
record begins and ends. Bad optional fields are ignored, so that they never lose a record.

- RIS: a two-letter tag, two spaces, a dash, a space and a value. `TY` begins a reference and `ER` ends it. Tags as in
  Wikipedia, "RIS (file format)"; of several tags for one field the first counts. rispy is the oracle of the tests; it
  silently drops references without `ER` and gives no line numbers.
- MEDLINE, as PubMed exports it (https://www.nlm.nih.gov/bsd/mms/medlineelements.html): a tag of up to four letters is
  padded before its dash; a blank line ends a record. ERIC writes the same form with other tags for identifiers.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed
from digestd.sources.dates import written_date
from digestd.sources.identifiers import (
    find_arxiv_id,
    find_doi,
    find_noted_doi,
    parse_identifier,
    parse_pmcid,
    parse_pmid,
)
from digestd.sources.imports.reference import ENTRIES_MAX, make_reference
from digestd.sources.pubmed import plain_title
from digestd.sources.source import Page, Reject, counted, reject_of
from digestd.text.people import indexed_name, natural_name

_LINES_MAX = 5_000
"""Lines of one field; the rest is left out."""
_ADDRESSES, _NOTES = ("UR", "L1", "L2", "L3", "M1", "AN", "M3"), ("N1", "M1", "M3", "AN", "UR")
"""Fields of RIS that hold addresses, and such that may name an identifier."""


@dataclass(frozen=True, slots=True)
class TaggedFormat:
    """A form of tagged lines.

    Attributes:
        label: its name for people.
        example: a line with which a record begins.
        start: found in a text of this form.
        tag: matches a line with a tag; its groups are the tag and the value.
        begins: tags that begin a record.
        before: tags that may stand before the one that begins it.
        sighting: returns the paper of a record; None if it is no paper.
        ends: tags that end a record.
        blank_divides: True if a tag after a blank line begins a record.
    """

    label: str
    example: str
    start: re.Pattern[str]
    tag: re.Pattern[str]
    begins: frozenset[str]
    sighting: "Callable[[Record], Sighting | None]"
    ends: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    blank_divides: bool = False

    def matches(self, text: str) -> bool:
        return self.start.search(text) is not None

    def read(self, text: str) -> Page:
        """Return the papers of a text. Raises SourceFailed if there are no records."""
        sightings: list[Sighting] = []
        rejects: list[Reject] = []
        count = 0
        for record in islice(counted(_records(text, self)), ENTRIES_MAX + 1):
            count += 1
            try:
                if found := self.sighting(record):
                    sightings.append(found)
            except Exception as error:  # one odd record hides no other
                rejects.append(reject_of(f"line {record.line}", error))
        if not count:
            raise SourceFailed(f"the file holds no {self.label} record, which begins with a line like `{self.example}`")
        return Page(tuple(sightings), None, tuple(rejects))


@dataclass(frozen=True, slots=True)
class Record:
    """The fields of a record in the order of the file, and its first line."""

    line: int
    fields: list[tuple[str, list[str]]] = field(default_factory=list)

    def values(self, *tags: str) -> list[str]:
        return [value for tag, lines in self.fields if tag in tags if (value := " ".join(lines).strip())]

    def first(self, *tags: str) -> str:
        return next((value for tag in tags for value in self.values(tag)), "")


def _records(text: str, form: TaggedFormat) -> Iterator[Record]:
    record, after_blank = Record(0), False
    for number, line in enumerate(text.split("\n"), start=1):
        found = form.tag.match(line.rstrip())
        tag, value = (found[1], (found[2] or "").strip()) if found else ("", line.strip())
        is_full = not form.before.issuperset(tag for tag, _ in record.fields)
        begins = (tag in form.begins and is_full) or (after_blank and form.blank_divides) or not record.fields
        if tag in form.ends or (tag and begins):
            if record.fields:
                yield record
            record = Record(number)
        if tag and tag not in form.ends:
            record.fields.append((tag, [value]))
        elif not tag and value and record.fields and len(record.fields[-1][1]) < _LINES_MAX:
            record.fields[-1][1].append(value)
        after_blank = not value and not tag
    if record.fields:
        yield record


def _ris(record: Record) -> Sighting | None:
    if [tag for tag, _ in record.fields] == ["TY"]:
        return None
    return make_reference(
        record.first("TI", "T1", "CT", "BT"),
        record.first("AB", "N2"),
        _ris_authors(record),
        [*record.values("KW"), record.first("JO", "JF", "T2", "JA")],
        [
            *(find_doi(value) for value in record.values("DO")),
            *(parse_identifier(value) for value in record.values(*_ADDRESSES)),
            *(find_noted_doi(value) for value in record.values(*_NOTES)),
            *(find_arxiv_id(value) for value in record.values(*_NOTES, "JO", "JF", "T2")),
        ],
        written_date(record.first("DA")) or written_date(record.first("PY", "Y1")),
    )


def _ris_authors(record: Record) -> list[str]:
    """Return the authors; those of an edited book are its editors."""
    if record.first("TY") == "EDBOOK":
        return []
    return [natural_name(name) for name in record.values("AU", "A1")]


def _medline(record: Record) -> Sighting:
    has_full = any(tag == "FAU" for tag, _ in record.fields)
    tag_of_people, name = ("FAU", natural_name) if has_full else ("AU", indexed_name)
    read: dict[str, Callable[[str], str]] = {tag_of_people: name, "CN": str.strip}
    authors = [read[tag](" ".join(lines)) for tag, lines in record.fields if tag in read]
    listed = [name for name in record.values("LID", "AID", "SO") if "[doi]" in name or "doi:" in name.lower()]
    return make_reference(
        plain_title(record.first("TI", "TT", "BTI")),
        record.first("AB"),
        authors,
        [record.first("JT", "TA"), *record.values("OT")],
        [
            *(find_doi(name) for name in listed),
            parse_pmid(record.first("PMID")),
            parse_pmcid(record.first("PMC")),
        ],
        written_date(record.first("DEP")) or written_date(record.first("DP")),
    )


RIS = TaggedFormat(
    label="RIS",
    example="TY  - JOUR",
    start=re.compile(r"^TY {1,2}- ", re.MULTILINE),
    tag=re.compile(r"([A-Z][A-Z0-9]) {1,2}-(?: (.*))?$"),
    begins=frozenset({"TY"}),
    ends=frozenset({"ER"}),
    sighting=_ris,
)
MEDLINE = TaggedFormat(
    label="MEDLINE",
    example="PMID- 12345678",
    start=re.compile(r"^(?:PMID ?- \d|PMC *- PMC\d|(?:OWN|STAT) ?- [A-Z])", re.MULTILINE),
    tag=re.compile(r"([A-Z][A-Z0-9]{1,4}) *-(?: (.*))?$"),
    begins=frozenset({"PMID"}),
    before=frozenset({"PMC"}),
    blank_divides=True,
    sighting=_medline,
)
