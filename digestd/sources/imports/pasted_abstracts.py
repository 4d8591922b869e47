"""Pasted abstracts.

Title on the first line, abstract below, a blank line between papers.
"""

from collections.abc import Iterator

from digestd.domain.paper import Sighting
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.imports.identifiers import make_reference
from digestd.sources.imports.unreadable import has_record_shape, remedy, text_name
from digestd.sources.source import Page, read_each


def matches(text: str) -> bool:
    """Return True: any text that no other format matches may be an abstract."""
    return bool(text)


def read(text: str) -> Page:
    """Parse the papers.

    A block of a single line is rejected, as it may be anything, and one that looks like a record.

    Raises SourceFailed if the text is in another format, or begins with a record.
    """
    if name := text_name(text):
        raise SourceFailed(remedy(name))
    if has_record_shape(next((lines for _, lines in _blocks(text)), [])):
        raise SourceFailed(remedy("a list of records in an unknown format"))
    blocks = ((f"line {number}", lines) for number, lines in _blocks(text))
    sightings, rejects = read_each(blocks, lambda lines: [_sighting(lines)])
    return Page(tuple(sightings), None, tuple(rejects))


def _sighting(lines: list[str]) -> Sighting:
    title, *rest = lines
    if not rest:
        raise BadRecord("abstract", f"{title[:80]!r} stands alone; write the abstract into the lines below it")
    if has_record_shape(lines):
        raise BadRecord("abstract", f"{title[:80]!r} begins a record, not an abstract; export it as BibTeX or RIS")
    return make_reference(title, " ".join(rest), [], [], [], None)


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line's number and the lines of each block."""
    first, block = 0, list[str]()
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if line.strip():
            first = first if block else number
            block.append(line.strip())
        elif block:
            yield first, block
            block = []
