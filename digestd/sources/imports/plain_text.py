"""The text formats: BibTeX, lists of identifiers, and pasted abstracts.

BibTeX is parsed by the source `bibtex`. Identifiers are arXiv ids, DOIs or their addresses, separated by lines, commas
or spaces; `#` starts a comment. Of a pasted abstract the title is on the first line and the abstract below, with a
blank line between papers.
"""

import re
from collections.abc import Iterator

from digestd.domain.paper import Sighting, Words
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.bibtex import read_entries
from digestd.sources.identifiers import parse_identifier
from digestd.sources.imports.reference import make_reference
from digestd.sources.imports.unreadable import has_record_shape, remedy, table_name, text_name
from digestd.sources.source import Page, Reject, read_each

_ENTRY = re.compile(r"^[ \t]*@[A-Za-z]+[ \t]*[{(]", re.MULTILINE)
_NOTE = re.compile(r"(?:^|\s)#.*")


def is_bibtex(text: str) -> bool:
    return _ENTRY.search(text) is not None


def read_bibtex(text: str) -> Page:
    return read_entries(text.encode("utf-8", "replace"), needs_title=False)


def is_identifier_list(text: str) -> bool:
    """Return True if a text is such a list.

    At least half of the lines begin with an identifier or an address, and it is no table.
    """
    firsts = [words[0] for _, words in _lines(text)]
    return bool(firsts) and not table_name(text) and 2 * sum(_is_one(word) for word in firsts) >= len(firsts)


def read_identifier_list(text: str) -> Page:
    """Return papers with identifiers only. Raises SourceFailed if there are none."""
    sightings: list[Sighting] = []
    rejects: list[Reject] = []
    for number, words in _lines(text):
        for word in words:
            if paper := parse_identifier(word):
                sightings.append(Sighting((paper,), Words("")))
            else:
                rejects.append(Reject(f"line {number}", "id", f"{word[:80]!r} is not an arXiv id, a DOI or its URL"))
    if not sightings and not rejects:
        raise SourceFailed("the file holds no arXiv id and no DOI")
    return Page(tuple(sightings), None, tuple(rejects))


def read_abstracts(text: str) -> Page:
    """Parse the papers.

    A block of a single line is rejected, as it may be anything, and one that looks like a record.

    Raises SourceFailed if the text is in another format, or begins with a record.
    """
    if name := text_name(text):
        raise SourceFailed(remedy(name))
    if has_record_shape(next((lines for _, lines in _blocks(text)), [])):
        raise SourceFailed(remedy("a list of records in an unknown format"))
    blocks = ((f"line {number}", lines) for number, lines in _blocks(text))
    sightings, rejects = read_each(blocks, lambda lines: [_pasted(lines)])
    return Page(tuple(sightings), None, tuple(rejects))


def _pasted(lines: list[str]) -> Sighting:
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


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        # a DOI may hold commas and semicolons, so only those before a blank or an end divide
        words = re.sub(r"[,;](?=\s|$)", " ", _NOTE.sub("", line)).split()
        if words:
            yield number, words


def _is_one(word: str) -> bool:
    return parse_identifier(word) is not None or word.lower().startswith(("http://", "https://"))
