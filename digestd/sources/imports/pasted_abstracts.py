"""Pasted abstracts.

Title on the first line, abstract below, a blank line between papers.
"""

from collections.abc import Iterator

from digestd.domain.paper import Sighting
from digestd.errors import BadRecord
from digestd.sources.imports.identifiers import identifiers_or_hash
from digestd.sources.source import Page, Reject, make_words


def matches(text: str) -> bool:
    """Return True: any text that no other format matches may be an abstract."""
    return bool(text)


def read(text: str) -> Page:
    """Parse the papers; a block of a single line is rejected.

    It may be anything.
    """
    sightings: list[Sighting] = []
    rejects: list[Reject] = []
    for number, title, abstract in _blocks(text):
        try:
            if not abstract:
                raise BadRecord("abstract", f"{title[:80]!r} stands alone; write the abstract into the lines below it")
            paper = make_words(title, abstract)
            sightings.append(Sighting(identifiers_or_hash([], paper), paper))
        except BadRecord as problem:
            rejects.append(Reject(f"line {number}", problem.field, problem.message))
    return Page(tuple(sightings), None, tuple(rejects))


def _blocks(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the first line's number, the first line, and the rest of each block."""
    first, block = 0, list[str]()
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if line.strip():
            first = first if block else number
            block.append(line.strip())
        elif block:
            yield first, block[0], " ".join(block[1:])
            block = []
