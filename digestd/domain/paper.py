"""Papers: one work, whatever the sources say of it.

A source gives a Sighting. Sightings that share an identifier are one Paper; the text of a
paper as of a sighting that changed it is a Revision. Community measures over time are signals.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from math import isfinite
from typing import NewType

from digestd.errors import BadRecord

PaperId = NewType("PaperId", str)
"""A work's name: `scheme:value`, e.g. `arxiv:2401.00001`, `doi:10.1101/…`, `feed:<hash>`."""

TITLE_MAX = 1_000
ABSTRACT_MAX = 20_000
AUTHORS_MAX = 5_000
NAME_MAX = 200


@dataclass(frozen=True, slots=True)
class Words:
    """What a paper says of itself: raw, as the source gave it (TeX and all)."""

    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one source said of a paper at one time.

    `ids`: every identifier the source gave, its own first. `announced`: a `replace` or
    `cross` updates a known paper and is not news by itself. `day`: the announcement it belongs
    to, by the source's own calendar; None where the source has none. `withdrawn`: the source
    says that the authors or the publisher took it back. `links`: among code, pdf, project,
    discussion. `signals`: among upvotes, comments, stars, citations.
    """

    ids: tuple[PaperId, ...]
    words: Words
    published: datetime | None = None
    version: int | None = None
    announced: str = "new"
    url: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    signals: Mapping[str, float] = field(default_factory=dict)
    day: date | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Paper:
    """One work as known now: its current revision, and the latest of each signal.

    `key` and `revision` are the store's row numbers; `plain_title` and `plain_abstract` are
    the words for people (TeX turned into Unicode). `first_seen`: when a source named it first.
    """

    key: int
    id: PaperId
    revision: int
    words: Words
    plain_title: str
    plain_abstract: str
    published: datetime
    first_seen: datetime
    url: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    signals: Mapping[str, float] = field(default_factory=dict)
    archived: bool = False
    withdrawn: bool = False

    @property
    def text(self) -> str:
        """What ranking reads."""
        return f"{self.plain_title}. {self.plain_abstract}"


COMMENT_WEIGHT = 0.3
STAR_WEIGHT = 0.1
STARS_MAX = 500
"""Stars beyond these count no more: they measure a repository's years, not today's interest."""


def votes(signals: Mapping[str, float]) -> float:
    """Upvotes + .3 comments + .1 stars (≤ 500), ≥ 0: how much a paper is talked about now."""
    upvotes, comments, stars = (_finite(signals.get(name, 0.0)) for name in ("upvotes", "comments", "stars"))
    return upvotes + COMMENT_WEIGHT * comments + STAR_WEIGHT * min(stars, STARS_MAX)


def _finite(value: float) -> float:
    return min(max(value, 0.0), 1e9) if isfinite(value) else 0.0


_ARXIV = re.compile(
    r"(?:arxiv:|oai:arxiv\.org:|(?:https?://)?(?:(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/"
    r"|huggingface\.co/papers/|(?:www\.)?alphaxiv\.org/abs/))?"
    r"(?P<id>\d{4}\.\d{4,5}|[a-z-]{2,20}(?:\.[a-z]{2})?/\d{7})(?:v(?P<version>\d{1,3}))?(?:\.pdf)?",
    re.IGNORECASE,
)
_DOI = re.compile(r"(?:doi:|https?://(?:dx\.)?doi\.org/)?(?P<doi>10\.\d{4,9}/\S{1,300})", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}:\S{1,300}")


def arxiv_id(text: str) -> tuple[PaperId, int | None] | None:
    """The paper and version an arXiv id, an OAI id or the URL of a page on it names; None if none.

    The version is no part of the identity. Old ids lose their subject class
    (`math.GT/0309136` is `math/0309136`: arXiv's own rule).
    """
    match = _ARXIV.fullmatch(text.strip()[:200])
    if match is None:
        return None
    archive, slash, number = match["id"].lower().rpartition("/")
    version = int(match["version"]) if match["version"] else None
    return PaperId(f"arxiv:{archive.split('.')[0]}{slash}{number}"), version


def doi_id(text: str) -> PaperId | None:
    """The paper a DOI names; DataCite's `10.48550/arXiv.<id>` is the arXiv paper itself."""
    match = _DOI.fullmatch(text.strip()[:400])
    if match is None:
        return None
    doi = match["doi"].lower()
    if doi.startswith("10.48550/arxiv."):
        named = arxiv_id(doi.removeprefix("10.48550/arxiv."))
        return named[0] if named else None
    return PaperId(f"doi:{doi}")


def paper_id(text: str) -> PaperId:
    """Read an identifier typed by a person or found in a file.

    A bare arXiv id, a DOI, either as a URL, or `scheme:value` with any lower-case scheme.
    Raises BadRecord where it is none of these.
    """
    text = text.strip()
    if named := arxiv_id(text):
        return named[0]
    if doi := doi_id(text):
        return doi
    if _SCHEME.fullmatch(text) and not text.startswith(("http:", "https:", "arxiv:", "doi:")):
        return PaperId(text)
    raise BadRecord("id", f"{text[:80]!r} is no arXiv id, DOI or scheme:value; correct it or leave it out")


def canonical(ids: Sequence[PaperId]) -> PaperId:
    """The name to show for a work known under several: arXiv before DOI before the rest."""
    return min(ids, key=lambda name: (not name.startswith("arxiv:"), not name.startswith("doi:"), ids.index(name)))
