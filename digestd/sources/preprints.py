"""Recognise preprints by their identifiers.

A preprint and its journal version have two DOIs of different registrants, and some servers register a DOI for each
version. The registrants are those of Crossref's type `posted-content`
(https://www.crossref.org/documentation/research-nexus/posted-content-includes-preprints/).
"""

import re

from digestd.domain.paper import PaperId

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
_VERSION = re.compile(r"(?<=\d)\.\d\Z|(?:(?<=[a-z0-9])v|[/._-]v)\d{1,3}\Z")
_NUMBERED = frozenset({"10.12688", "10.1002"})
"""F1000 and ESS Open Archive write `.2` for version 2; elsewhere a number after a dot is part of the name."""


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


def without_version(name: PaperId) -> PaperId:
    """Return a preprint's DOI without its version: `…/rs.3.rs-1/v2` becomes `…/rs.3.rs-1`."""
    if not registrant(name) or not is_preprint(name):
        return name
    found = _VERSION.search(name)
    if found is None or (found[0][0] == "." and found[0][1].isdigit() and registrant(name) not in _NUMBERED):
        return name
    return PaperId(name[: found.start()])
