"""Find DOIs in fields and addresses (https://www.doi.org/the-identifier/resources/handbook/2_numbering)."""

import html
import re
from urllib.parse import unquote

from digestd.domain.paper import PaperId, doi_id

_DOI = re.compile(r"10\.\d{4,9}/\S{1,300}")
_IN_PATH = re.compile(r"/(10\.\d{4,9}/[^?#\s]{1,300})")
_VIEW = re.compile(
    r"(?:/(?:abstract|full|fulltext|pdf|epdf|meta|html|summary)|\.(?:abstract|full|short|pdf)){1,6}/?$", re.IGNORECASE
)
_VERSIONED = re.compile(r"(10\.(?:1101|64898)/[\d.]+)v\d+(?:\.\S*)?$")
"""bioRxiv and medRxiv put the version behind the DOI."""
_PAIRS = {")": "(", "]": "[", "}": "{", ">": "<"}


def find_doi(text: str) -> PaperId | None:
    """Return the first DOI in a field that should hold one, or None.

    Prefixes, addresses, escapes and trailing punctuation do not matter.
    """
    plain = html.unescape(text[:2_000])
    found = _DOI.search(unquote(plain) if "%2f" in plain.lower() else plain)
    return doi_id(_trimmed(found[0])) if found else None


def doi_in_address(address: str) -> PaperId | None:
    """Return the DOI in the path of a publisher's address.

    The page view that follows it is left out.
    """
    found = _IN_PATH.search(unquote(address[:2_000]))
    if found is None:
        return None
    doi = _VIEW.sub("", found[1])
    versioned = _VERSIONED.match(doi)
    return doi_id(versioned[1] if versioned else doi)


def _trimmed(doi: str) -> str:
    """Return a DOI without the punctuation of the sentence around it."""
    while doi and (doi[-1] in ".,;:'\"”’" or doi.count(_PAIRS.get(doi[-1], doi[-1])) < doi.count(doi[-1])):
        doi = doi[:-1]
    return doi
