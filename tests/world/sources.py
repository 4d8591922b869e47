"""Read a recorded answer of a source.

The first line of an item is the spec, the rest the answer. Expected are some of the papers' identifiers, `title=…` and
`author=…` in small letters without signs and spaces, `day=…`, `authors=N`, `abstract`, `withdrawn`, `papers=N`,
`rejects=N`, or `nothing` or `unread`.
"""

from collections.abc import Iterator

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed
from digestd.papers.normalization import squash, words
from digestd.sources import parse_source


def read_answer(raw: bytes) -> frozenset[str]:
    """Return the fields of all papers of an answer, `nothing` if it has none, or `unread` if it is refused."""
    spec, _, answer = raw.partition(b"\n")
    try:
        page = parse_source(spec.decode().strip()).parse(answer)
    except SourceFailed:
        return frozenset({"unread"})
    if not page.sightings and not page.rejects:
        return frozenset({"nothing"})
    counts = (f"papers={len(page.sightings)}", f"rejects={len(page.rejects)}")
    return frozenset((*counts, *(label for paper in page.sightings for label in _fields(paper))))


def _fields(paper: Sighting) -> Iterator[str]:
    yield from paper.ids
    yield f"title={squash(words(paper.words.title))}"
    yield f"authors={len(paper.words.authors)}"
    yield from (f"author={squash(words(name))}" for name in paper.words.authors)
    yield from (f"day={day}" for day in (paper.day, paper.published and paper.published.date()) if day)
    yield from (name for name, given in (("abstract", paper.words.abstract), ("withdrawn", paper.withdrawn)) if given)
