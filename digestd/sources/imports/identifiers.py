"""Find paper identifiers in any field where reference managers put them."""

import re
from collections.abc import Iterable

from digestd.domain.paper import PaperId, Words, arxiv_id, doi_id
from digestd.sources.jsonl import title_hash_id

_DOI_IN_URL = re.compile(r"https?://\S*?/(10\.\d{4,9}/[^\s?#]{1,300})", re.IGNORECASE)
_PAGE_OF_PREPRINT = re.compile(r"^(10\.(?:1101|64898)/[\d.]+)v\d+(?:\.\S*)?$")
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
    match = _DOI_IN_URL.match(bare[:600])
    return doi_id(_PAGE_OF_PREPRINT.sub(r"\1", match[1])) if match else None


def find_arxiv_id(text: str) -> PaperId | None:
    """Return the arXiv id that a note gives after `arXiv:`, else None."""
    match = _ARXIV_WITHIN.search(text[:2_000])
    return parse_identifier(match[1]) if match else None


def identifiers_or_hash(found: Iterable[PaperId | None], words: Words) -> tuple[PaperId, ...]:
    """Return the identifiers without duplicates.

    Or a hash of title and first author if there are none.
    """
    return tuple(dict.fromkeys(name for name in found if name)) or (title_hash_id(words),)
