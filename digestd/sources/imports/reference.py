"""Make a reference of what a record of a reference manager gives."""

from collections.abc import Iterable, Sequence
from datetime import date

from digestd.domain.paper import PaperId, Sighting, Words
from digestd.errors import BadRecord
from digestd.sources.dates import midnight
from digestd.sources.identifiers import title_hash_id
from digestd.sources.source import make_words

ENTRIES_MAX = 20_000


def make_reference(
    title: str,
    abstract: str,
    authors: Sequence[str],
    categories: Sequence[str],
    found: Iterable[PaperId | None],
    published: date | None,
) -> Sighting:
    """Return an imported paper.

    It is identified by what was found, without duplicates, else by a hash of title and first author. With an
    identifier it needs no title.

    Raises BadRecord without both.
    """
    ids = tuple(dict.fromkeys(name for name in found if name))
    day = midnight(published) if published else None
    if ids and not title.strip():
        return Sighting(ids, Words(""), day)
    try:
        paper = make_words(title, abstract, authors, categories)
    except BadRecord as problem:
        raise BadRecord("title", "is missing, and there is no DOI, PMID or arXiv id; add one of them") from problem
    return Sighting(ids or (title_hash_id(paper),), paper, day)
