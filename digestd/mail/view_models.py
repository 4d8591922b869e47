"""Papers as the templates show them: everything cleaned, shortened, and linked only to the web."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from digestd.domain.coverage import COMPLETE, CoverageState
from digestd.domain.digest import Reason, Why
from digestd.domain.sanitise import clean, safe_url, shorten
from digestd.mail.content import Entry
from digestd.ranking.text import tokens

HTML_MAX = 92_000
"""Gmail clips an HTML part from 102 KB on, counted as it is encoded."""

_NAME_MAX = 60
_REASON_MAX = 120
_CATEGORIES_MAX = 4
_SOURCES_MAX = 4
_FIGURES = {"paper": "", "pdf": "", "code": "stars", "discussion": "upvotes"}


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """How much of each paper is shown: characters of title and abstract, and how many authors and papers.

    `is_brief`: what may be said of a paper is one link rather than one each.
    """

    title: int
    abstract: int
    authors: int
    papers: int = 1_000
    is_brief: bool = False


FITS = (
    Fit(300, 600, 6),
    Fit(300, 440, 6),
    Fit(300, 320, 6),
    Fit(300, 320, 6, is_brief=True),
    Fit(240, 220, 4, is_brief=True),
    Fit(200, 120, 3, is_brief=True),
    Fit(160, 0, 2, is_brief=True),
    Fit(120, 0, 1, is_brief=True),
    Fit(120, 0, 1, papers=20, is_brief=True),
    Fit(120, 0, 1, papers=5, is_brief=True),
)
"""From ample to scant; the first whose HTML is small enough is used."""


@dataclass(frozen=True, slots=True)
class Link:
    """`kind`: paper, pdf, code or discussion; `figure`: its stars or upvotes, 0 where unknown."""

    kind: str
    url: str
    figure: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """One paper within a fit, whoever reads of it. `more`: how many authors are left out."""

    title: str
    url: str
    authors: tuple[str, ...]
    more: int
    categories: tuple[str, ...]
    abstract: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Sources that lack something in the same way: `names` of them, and `more` that are not named."""

    state: str
    names: tuple[str, ...]
    more: int
    count: int


def gaps(coverage: Mapping[str, CoverageState]) -> tuple[Gap, ...]:
    """The sources that are not whole by what became of them; of many in one state, not all are named."""
    return tuple(
        _gap(state, names)
        for state in _GAPS
        if (names := [shorten(clean(name, 200), _NAME_MAX) for name, found in coverage.items() if found is state])
    )


_GAPS = (CoverageState.LATE, *(s for s in CoverageState if s not in COMPLETE and s is not CoverageState.LATE))


def _gap(state: CoverageState, names: list[str]) -> Gap:
    named = names if len(names) <= _SOURCES_MAX else names[: _SOURCES_MAX - 1]
    return Gap(state.value, tuple(named), len(names) - len(named), len(names))


@lru_cache(maxsize=4096)  # many readers get the same papers
def fitted(entry: Entry, fit: Fit) -> Fitted:
    """The entry within `fit`: everything cleaned, shortened, and linked only to the web."""
    authors = [shorten(clean(name, 200), _NAME_MAX) for name in entry.authors[: fit.authors]]
    links = _links(entry)
    return Fitted(
        title=shorten(clean(entry.title), fit.title) or "…",
        url=next((link.url for link in links), ""),
        authors=tuple(authors),
        more=len(entry.authors) - len(authors),
        categories=tuple(clean(name, 40) for name in entry.categories[:_CATEGORIES_MAX]),
        abstract=shorten(clean(entry.abstract), fit.abstract),
        links=links,
    )


def cleaned(reason: Reason) -> Reason:
    """A reason whose words may stand in a line of their own; a topic that stands there whole is not said twice."""
    words = () if _told(reason) else (shorten(_within(clean(word, 200)), 40) for word in reason.words[:5])
    return Reason(reason.why, shorten(clean(reason.value), _REASON_MAX), tuple(words))


def _told(reason: Reason) -> bool:
    """Whether the words are the topic's own, be it in the plural: of “tokenizers”, “tokens” must be said."""
    words = " ".join(reason.words)
    if reason.why is not Why.TOPIC or words.casefold() == reason.value.casefold():
        return reason.why is Why.TOPIC
    asked = {_singular(word) for word in reason.value.split()}
    return all(_singular(word) in asked for word in reason.words) and _terms(words) == _terms(reason.value)


def _terms(text: str) -> frozenset[str]:
    return frozenset().union(*map(_terms_of, text.split()))


@lru_cache(maxsize=4096)  # many topics, fewer words
def _terms_of(word: str) -> tuple[str, ...]:
    return tuple(tokens(word))


def _singular(word: str) -> str:
    return word.casefold().removesuffix("s")


def _within(word: str) -> str:
    """A word as it stands within a sentence: its place at the start of one may be all that gave it a capital."""
    return word.lower() if word[1:].islower() or len(word) == 1 else word


def _links(entry: Entry) -> tuple[Link, ...]:
    urls = {
        "paper": safe_url(entry.url),
        "pdf": safe_url(entry.links.get("pdf")),
        "code": safe_url(entry.links.get("code")),
        "discussion": safe_url(entry.links.get("discussion")),
    }
    return tuple(Link(kind, url, _figure(entry, _FIGURES[kind])) for kind, url in urls.items() if url)


def _figure(entry: Entry, signal: str) -> int:
    value = entry.signals.get(signal, 0)
    return int(value) if 0 < value < 1e12 else 0
