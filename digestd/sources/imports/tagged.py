"""Read records of tagged lines, the common form of RIS, MEDLINE, Web of Science and Refer.

A line with a tag begins a field; a line without one continues it. A form says what a tag looks like, and where a
record begins and ends. Bad optional fields are ignored, so that they never lose a record.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed
from digestd.sources.source import ITEMS_MAX, Page, Reject, reject_of

_LINES_MAX = 5_000
"""Lines of one field; the rest is left out."""


@dataclass(frozen=True, slots=True)
class TaggedFormat:
    """A form of tagged lines.

    Attributes:
        label: its name for people.
        example: a line with which a record begins.
        start: found in a text of this form.
        tag: matches a line with a tag; its groups are the tag and the value.
        begins: tags that begin a record.
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
    blank_divides: bool = False

    def matches(self, text: str) -> bool:
        """Return True if the text looks like this form."""
        return self.start.search(text) is not None

    def read(self, text: str) -> Page:
        """Return the papers of a text. Raises SourceFailed if there are no records."""
        sightings: list[Sighting] = []
        rejects: list[Reject] = []
        count = 0
        for record in _records(text, self):
            count += 1
            if len(sightings) + len(rejects) > ITEMS_MAX:
                break  # more than any file may hold
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

    def lines(self, *tags: str) -> list[str]:
        """Return the non-empty lines of all fields with one of these tags."""
        return [line for tag, lines in self.fields if tag in tags for line in lines if line]

    def values(self, *tags: str) -> list[str]:
        """Return the non-empty values of all fields with one of these tags."""
        return [value for tag, lines in self.fields if tag in tags if (value := " ".join(lines).strip())]

    def first(self, *tags: str) -> str:
        """Return the first value of the first tag that has one, or ""."""
        return next((value for tag in tags for value in self.values(tag)), "")


def _records(text: str, form: TaggedFormat) -> Iterator[Record]:
    record, after_blank = Record(0), False
    for number, line in enumerate(text.split("\n"), start=1):
        found = form.tag.match(line.rstrip())
        tag, value = (found[1], (found[2] or "").strip()) if found else ("", line.strip())
        if tag in form.begins or tag in form.ends or (tag and after_blank and form.blank_divides):
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
