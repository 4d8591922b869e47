"""A list of arXiv ids, DOIs or their addresses.

Separated by lines, commas or spaces; `#` starts a comment.
"""

import re
from collections.abc import Iterator

from digestd.domain.paper import Sighting, Words
from digestd.errors import SourceFailed
from digestd.sources.identifiers import parse_identifier
from digestd.sources.source import Page, Reject

_NOTE = re.compile(r"(?:^|\s)#.*")


def matches(text: str) -> bool:
    """Return True if a text is such a list.

    At least half of the lines begin with an identifier or an address.
    """
    firsts = [words[0] for _, words in _lines(text)]
    return bool(firsts) and 2 * sum(_is_one(word) for word in firsts) >= len(firsts)


def read(text: str) -> Page:
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


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        # a DOI may hold commas and semicolons, so only those before a blank or an end divide
        words = re.sub(r"[,;](?=\s|$)", " ", _NOTE.sub("", line)).split()
        if words:
            yield number, words


def _is_one(word: str) -> bool:
    return parse_identifier(word) is not None or word.lower().startswith(("http://", "https://"))
