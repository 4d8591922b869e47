"""Identifiers of papers in fields and addresses: DOIs, arXiv, PubMed, hashes; and which of them are of preprints.

Source of the form of DOIs: https://www.doi.org/the-identifier/resources/handbook/2_numbering
"""

import hashlib
import html
import re
from collections.abc import Iterable
from urllib.parse import unquote

from digestd.domain.paper import PaperId, Words, arxiv_id, doi_id
from digestd.errors import BadRecord
from digestd.sources.json_records import JsonObject, text_at
from digestd.sources.source import https_url

_DOI = re.compile(r"10\.\d{4,9}/\S{1,300}")
_IN_PATH = re.compile(r"/(10\.\d{4,9}/[^?#\s]{1,300})")
_VIEW = re.compile(
    r"(?:/(?:abstract|full|fulltext|pdf|epdf|meta|html|summary)|\.(?:abstract|full|short|pdf)){1,6}/?$", re.IGNORECASE
)
_VERSIONED = re.compile(r"(10\.(?:1101|64898)/[\d.]+)v\d+(?:\.\S*)?$")
"""bioRxiv and medRxiv put the version behind the DOI."""
_PAIRS = {")": "(", "]": "[", "}": "{", ">": "<"}


_NOTED = re.compile(r"\bdoi(?:\.org/|\s*[:=]\s*)\s*(\S{5,320})", re.IGNORECASE)
_ARXIV_WITHIN = re.compile(r"arxiv:\s*(\d{4}\.\d{4,5}|[a-z-]{2,20}(?:\.[a-z]{2})?/\d{7})", re.IGNORECASE)


_SERVERS = (
    "10.1101 10.64898"  # bioRxiv and medRxiv
    " 10.21203 10.2139 10.20944 10.26434 10.36227 10.22541 10.33774"  # Research Square, SSRN, Preprints.org, …
    " 10.31124 10.31223 10.32942 10.51094 10.55458 10.12688 10.7287 10.14293 10.25159 10.62329"
)
_REGISTRANTS = frozenset(_SERVERS.split())
_REPOSITORIES = frozenset(("10.5281", "10.6084", "10.5061", "10.7910", "10.17632", "10.1594", "10.3886"))
"""Zenodo, figshare, Dryad, Dataverse, Mendeley Data, PANGAEA, ICPSR."""
# Registrants that publish journals too: only these of their DOIs are preprints.
_FORMS = re.compile(
    r"doi:10\.(?:1101|64898)/(?:\d{4}\.\d\d\.\d\d\.)?\d{6,8}|doi:10\.1002/essoar\..+|doi:10\.1590/scielopreprints\..+"
    r"|doi:10\.2196/preprints\..+|doi:10\.\d{4,5}/osf\.io/.+|doi:10\.5194/[a-z]+-20\d\d-\d+"
)
_MIXED = frozenset({"10.1101", "10.64898"})
_PREPRINT_VERSION = re.compile(r"(?<=\d)\.\d\Z|(?:(?<=[a-z0-9])v|[/._-]v)\d{1,3}\Z")
_NUMBERED = frozenset({"10.12688", "10.1002"})
"""F1000 and ESS Open Archive write `.2` for version 2; elsewhere a number after a dot is part of the name."""


def find_doi(text: str) -> PaperId | None:
    """Return the first DOI in a field that should hold one, or None.

    Prefixes, addresses, escapes and trailing punctuation do not matter.
    """
    found = _DOI.search(unquote(unquote(html.unescape(text[:2_000]))))
    return doi_id(_trimmed(found[0])) if found else None


def doi_in_address(address: str) -> PaperId | None:
    """Return the DOI in the path of a publisher's address. The page view that follows it is left out."""
    found = _IN_PATH.search(unquote(address[:2_000]))
    if found is None:
        return None
    doi = _VIEW.sub("", found[1])
    versioned = _VERSIONED.match(doi)
    return doi_id(versioned[1] if versioned else doi)


def unique_ids(ids: Iterable[PaperId | None]) -> tuple[PaperId, ...]:
    """Return the identifiers that are not None, without duplicates, in order."""
    return tuple(dict.fromkeys(name for name in ids if name))


def doi_page(ids: Iterable[PaperId]) -> str | None:
    """Return the address of the first DOI at doi.org, or None if there is none."""
    doi = next((name.removeprefix("doi:") for name in ids if name.startswith("doi:")), "")
    return https_url(f"https://doi.org/{doi}") if doi else None


def doi_at(record: JsonObject, key: str) -> PaperId:
    """Return the DOI under a key. Raises BadRecord if there is none."""
    if found := doi_id(text_at(record, key)):
        return found
    raise BadRecord(key, f"{text_at(record, key)[:80]!r} is not a DOI")


def parse_pmid(number: str) -> PaperId | None:
    """Return the paper of a PubMed number, or None if it is none."""
    number = number.strip()
    is_number = number.isascii() and number.isdigit() and len(number) <= 12
    return PaperId(f"pmid:{int(number)}") if is_number else None


def pubmed_address(text: str) -> PaperId | None:
    """Return the paper of `pubmed:123` or of its page at PubMed, or None."""
    for start in ("pubmed:", "https://pubmed.ncbi.nlm.nih.gov/", "http://pubmed.ncbi.nlm.nih.gov/"):
        if text.startswith(start):
            return parse_pmid(text.removeprefix(start).partition("?")[0].rstrip("/"))
    return None


def parse_pmcid(text: str) -> PaperId | None:
    """Return the paper of a PubMed Central number such as `PMC7000001`, or None if it is none."""
    number = text.removeprefix("PMC")
    is_number = number != text and number.isascii() and number.isdigit() and len(number) <= 12
    return PaperId(f"pmcid:{text}") if is_number else None


def title_hash_id(paper: Words) -> PaperId:
    """Return the identifier of a paper without any. A hash of its title and first author."""
    first = paper.authors[0] if paper.authors else ""
    return hash_id(f"{paper.title}\n{first}".casefold())


def hash_id(text: str) -> PaperId:
    """Return `feed:` and a BLAKE2b hash of the text."""
    return PaperId(f"feed:{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}")


def parse_identifier(text: str) -> PaperId | None:
    """Return the paper id of an arXiv id, a DOI or an address that holds one. Else None."""
    text = text.strip()
    bare = text.partition("?")[0].partition("#")[0].rstrip("/") if text.lower().startswith("http") else text
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


def registrant(name: PaperId) -> str:
    """Return the part of a DOI before the slash, such as `10.1101`, or "" for another identifier."""
    return name.removeprefix("doi:").partition("/")[0] if name.startswith("doi:") else ""


def is_preprint(name: PaperId) -> bool:
    """Return True for an identifier of arXiv, OpenReview or another preprint server."""
    if name.startswith(("arxiv:", "openreview:", "dblp:journals/corr/")):
        return True
    own = registrant(name)
    return (own in _REGISTRANTS and own not in _MIXED) or _FORMS.fullmatch(name) is not None


def is_data_set(name: PaperId) -> bool:
    """Return True for the DOI of a repository of data and software, such as Zenodo or figshare."""
    return registrant(name) in _REPOSITORIES


def is_publication(name: PaperId) -> bool:
    """Return True for a DOI that is neither that of a preprint nor that of data."""
    return name.startswith("doi:") and not is_preprint(name) and not is_data_set(name)


def without_version(name: PaperId) -> PaperId:
    """Return a preprint's DOI without its version: `…/rs.3.rs-1/v2` becomes `…/rs.3.rs-1`."""
    if not registrant(name) or not is_preprint(name):
        return name
    found = _PREPRINT_VERSION.search(name)
    if found is None or (found[0][0] == "." and found[0][1].isdigit() and registrant(name) not in _NUMBERED):
        return name
    return PaperId(name[: found.start()])


def _trimmed(doi: str) -> str:
    while doi and (doi[-1] in ".,;:'\"”’" or doi.count(_PAIRS.get(doi[-1], doi[-1])) < doi.count(doi[-1])):
        doi = doi[:-1]
    return doi
