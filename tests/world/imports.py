"""Read a file of references.

Expected of an item are some of `title=…` and `author=…`, in small letters without signs and spaces, `doi=…`,
`year=…` and `papers=N`, or `unread`.
"""

from collections.abc import Iterator

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed
from digestd.papers.normalization import squash, words
from digestd.sources.imports import ReferenceFile


def read_references(raw: bytes) -> frozenset[str]:
    """Return the fields of all papers in a file, or `unread` if it is refused."""
    try:
        found = ReferenceFile().parse(raw).sightings
    except SourceFailed:
        return frozenset({"unread"})
    return frozenset({f"papers={len(found)}", *(label for paper in found for label in _fields(paper))})


def _fields(paper: Sighting) -> Iterator[str]:
    yield f"title={squash(words(paper.words.title))}"
    yield from (f"author={squash(words(name))}" for name in paper.words.authors)
    yield from (f"doi={name.removeprefix('doi:')}" for name in paper.ids if name.startswith("doi:"))
    if paper.published:
        yield f"year={paper.published.year}"
