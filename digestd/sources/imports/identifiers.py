"""Find paper identifiers in any field where reference managers put them."""

import re
from collections.abc import Iterable, Sequence
from datetime import date

from digestd.domain.paper import PaperId, Sighting, Words, arxiv_id, doi_id
from digestd.errors import BadRecord
from digestd.sources.dates import midnight
from digestd.sources.identifiers import doi_in_address, find_doi
from digestd.sources.jsonl import title_hash_id
from digestd.sources.source import make_words

_NOTED = re.compile(r"\bdoi(?:\.org/|\s*[:=]\s*)\s*(\S{5,320})", re.IGNORECASE)
_ARXIV_WITHIN = re.compile(r"arxiv:\s*(\d{4}\.\d{4,5}|[a-z-]{2,20}(?:\.[a-z]{2})?/\d{7})", re.IGNORECASE)


def parse_identifier(text: str) -> PaperId | None:
    """Return the paper id of an arXiv id, a DOI or an address that holds one.

    Else None.
    """
    text = text.strip()
    bare = re.split(r"[?#]", text, maxsplit=1)[0].rstrip("/") if text.lower().startswith("http") else text
    if found := arxiv_id(bare):
        return found[0]
    if doi := doi_id(bare):
        return doi
    return doi_in_address(bare) if bare.lower().startswith(("http://", "https://")) else None


def find_arxiv_id(text: str) -> PaperId | None:
    """Return the arXiv id that a note gives after `arXiv:`, else None."""
    match = _ARXIV_WITHIN.search(text[:2_000])
    return parse_identifier(match[1]) if match else None


def find_noted_doi(text: str) -> PaperId | None:
    """Return the DOI that a note gives after `doi:`, else None."""
    match = _NOTED.search(text[:2_000])
    return find_doi(match[1]) if match else None


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
