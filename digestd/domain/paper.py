"""Papers: one work, whatever the sources report about it.

A source gives a Sighting. Sightings that share an identifier are one Paper; the text of a paper after a sighting that
changed it is a Revision. Community measures over time are signals.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from math import isfinite
from typing import NewType
from urllib.parse import parse_qs, unquote, urlsplit

from digestd.domain.gist import Gist
from digestd.errors import BadRecord

PaperId = NewType("PaperId", str)
"""A work's name: `scheme:value`, e.g. `arxiv:2401.00001`, `doi:10.1101/…`, `feed:<hash>`."""

TITLE_MAX = 1_000
ABSTRACT_MAX = 20_000
SUMMARY_MAX = 2_000
AUTHORS_MAX = 5_000
NAME_MAX = 200
AFFILIATIONS_MAX = 20
ROR = "https://ror.org/"
"""The beginning of an identifier in the Research Organization Registry."""


def institution_name(affiliation: str) -> str:
    """Return an affiliation without the ROR id that may follow the name."""
    return affiliation.partition(ROR)[0].strip() or affiliation


_SUBJECT_CODE = re.compile(
    r"(?:(?:primary|secondary|msc|acm)\W*(?:class\W*)?(?:20[012]0\W*)?)*"
    r"(?:\d\d(?:[A-Z](?:\d\d|xx)|-(?:\d\d|XX))|\d\d(?=\s*(?:[,;]|$))|[A-K]\.\d{1,2}(?:\.(?:\d{1,2}|m))?)(?![\w.])",
    re.IGNORECASE,
)
"""Codes of Mathematics Subject Classification (`62H30, 62-08`) and ACM (`I.2.7; H.3`), which arXiv appends."""


@dataclass(frozen=True, slots=True)
class Words:
    """The text of a paper as the source gave it, TeX included. Subject codes are left out of its categories."""

    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(map(_SUBJECT_CODE.match, self.categories)):
            object.__setattr__(self, "categories", tuple([c for c in self.categories if not _SUBJECT_CODE.match(c)]))


@dataclass(frozen=True, slots=True)
class Sighting:
    """A source's report of a paper at one time.

    Attributes:
        ids: every identifier that the source gave, its own first.
        announced: a `replace` or `cross` updates a known paper and is not news by itself.
        day: the announcement day by the source's calendar; None if it has none.
        withdrawn: True if the source says that the authors or the publisher withdrew it.
        venue: the journal or conference, or empty.
        affiliations: the organisations of the authors, if the source gives them; see `institution_name`.
        links: by name: code, pdf, project, discussion.
        signals: by name: upvotes, comments, stars, citations.
        summary: the source's own summary of the abstract, written by a machine.
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
    venue: str = ""
    affiliations: tuple[str, ...] = ()
    summary: str = ""


@dataclass(frozen=True, slots=True)
class PaperFacts:
    """The facts of a paper besides its words, as of a revision.

    `sources` and `announced` are not compared: that another source reports a paper is no reason for a new revision.

    Attributes:
        venue: the journal or conference, or empty.
        affiliations: the organisations of the authors.
        sources: names of the sources that reported it, such as "arXiv".
        announced: `new`, `cross` or `replace`, as the most trusted source announced it.
        version: the number of its newest version; 0 if no source gives one.
        doi: the DOI of its publication, or empty.
        withdrawn: True if the authors or the publisher withdrew it.
        retracted: True if its publication was retracted, whatever became of its preprint.
        venue_unread: True if a version of digestd stored it that did not read arXiv's journal references.
    """

    venue: str = ""
    affiliations: tuple[str, ...] = ()
    sources: tuple[str, ...] = field(default=(), compare=False)
    announced: str = field(default="new", compare=False)
    version: int = 0
    doi: str = ""
    withdrawn: bool = False
    retracted: bool = False
    venue_unread: bool = False


@dataclass(frozen=True, slots=True)
class Paper:
    """A work as known now: its current revision, and the latest value of each signal.

    Attributes:
        key, revision: the store's row numbers.
        plain_title, plain_abstract: the text for people, TeX converted to Unicode.
        first_seen: when a source reported it first.
        gist: what is new and what came out; None for archived papers and those without an abstract.
        translations: the gist in other languages, by BCP 47 tag, if a language model translates.
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
    facts: PaperFacts = PaperFacts()
    gist: Gist | None = None
    translations: Mapping[str, Gist] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return f"{self.plain_title}. {self.plain_abstract}"


COMMENT_WEIGHT = 0.3
STAR_WEIGHT = 0.1
STARS_MAX = 500
"""The cap on stars, which measure a repository's age more than today's interest."""


def votes(signals: Mapping[str, float]) -> float:
    """Return the current interest in a paper: upvotes + 0.3 comments + 0.1 stars (≤ 500), ≥ 0."""
    upvotes, comments, stars = (_finite(signals.get(name, 0.0)) for name in ("upvotes", "comments", "stars"))
    return upvotes + COMMENT_WEIGHT * comments + STAR_WEIGHT * min(stars, STARS_MAX)


def trending_order(signals: Mapping[str, float], first_seen: float, key: int) -> tuple[float, float, float, int]:
    """Return what trending papers are sorted by, highest first: upvotes, then comments and stars, then the newest."""
    return _finite(signals.get("upvotes", 0.0)), votes(signals), first_seen, key


def _finite(value: float) -> float:
    return min(max(value, 0.0), 1e9) if isfinite(value) else 0.0


_ARXIV = re.compile(
    r"(?:arxiv:|oai:arxiv\.org:|(?:https?://)?(?:(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/"
    r"|huggingface\.co/papers/|(?:www\.)?alphaxiv\.org/abs/))?"
    r"(?P<id>\d{4}\.\d{4,5}|[a-z-]{2,20}(?:\.[a-z]{2})?/\d{7})(?:v(?P<version>\d{1,3}))?(?:\.pdf)?",
    re.IGNORECASE,
)
_DOI = re.compile(r"(?:doi:|https?://(?:dx\.)?doi\.org/)?(?P<doi>10\.\d{4,9}(?:/|%(?:25)?2f)\S{1,300})", re.IGNORECASE)
_SAMPLE = re.compile(r"sample:\d{3}|community:[a-z]{2}(-[a-z]+)+|doi:10\.5555/digestd\.\d{3}")
_FORUM = re.compile(r"[\w-]{3,40}", re.ASCII)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}:\S{1,300}")


def arxiv_id(text: str) -> tuple[PaperId, int | None] | None:
    """Return the paper and version of an arXiv id, OAI id or arXiv URL; None for anything else.

    The version is not part of the identity. Old ids lose their subject class: `math.GT/0309136` is `math/0309136`
    (https://info.arxiv.org/help/arxiv_identifier.html).
    """
    match = _ARXIV.fullmatch(text.strip()[:200])
    if match is None:
        return None
    archive, slash, number = match["id"].lower().rpartition("/")
    version = int(match["version"]) if match["version"] else None
    return PaperId(f"arxiv:{archive.split('.')[0]}{slash}{number}"), version


def doi_id(text: str) -> PaperId | None:
    """Return the paper of a DOI, which addresses and some libraries percent-encode, once or twice.

    DataCite's `10.48550/arXiv.<id>` is the arXiv paper itself.
    """
    match = _DOI.fullmatch(text.strip()[:400])
    if match is None:
        return None
    doi = match["doi"].lower()
    if "%" in doi:
        doi = "".join(unquote(unquote(doi)).split()).lower()
    if not doi.isprintable():
        return None
    if doi.startswith("10.48550/arxiv."):
        named = arxiv_id(doi.removeprefix("10.48550/arxiv."))
        return named[0] if named else None
    return PaperId(f"doi:{doi}")


def openreview_id(text: str) -> PaperId | None:
    """Return the paper of an OpenReview page (`https://openreview.net/forum?id=…`) or PDF.

    None for anything else.
    """
    try:
        parts = urlsplit(text.strip()[:400])
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or parts.hostname not in {"openreview.net", "www.openreview.net"}:
        return None
    forum = parse_qs(parts.query).get("id", [""])[0]
    return PaperId(f"openreview:{forum}") if parts.path in {"/forum", "/pdf"} and _FORUM.fullmatch(forum) else None


def paper_id(text: str, field: str = "id") -> PaperId:
    """Parse an identifier entered by a person or found in a file.

    Accepts a bare arXiv id, a DOI, either as a URL, the URL of an OpenReview paper, or `scheme:value` with any other
    lower-case scheme.

    Raises:
        BadRecord: it is none of these; the error names the `field`.
    """
    text = text.strip()
    if named := arxiv_id(text):
        return named[0]
    if found := doi_id(text) or openreview_id(text):
        return found
    if _SCHEME.fullmatch(text) and not text.startswith(("http:", "https:", "arxiv:", "doi:")):
        return PaperId(text)
    raise BadRecord(field, f"{text[:80]!r} is no arXiv id, DOI or scheme:value; write one like arxiv:2401.00001")


def is_sample(name: PaperId) -> bool:
    """Return True for an invented paper of the sample day that `digestd try` shows without sources."""
    return _SAMPLE.fullmatch(name) is not None


def canonical(ids: Sequence[PaperId]) -> PaperId:
    """Return the id to show for a work with several: arXiv before DOI before the rest."""
    return min(ids, key=lambda name: (not name.startswith("arxiv:"), not name.startswith("doi:"), ids.index(name)))
