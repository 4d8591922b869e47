"""View models: papers for the templates, cleaned and shortened."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from digestd.domain.coverage import COMPLETE, CoverageState
from digestd.domain.digest import Reason, ReasonKind
from digestd.domain.sanitise import clean, safe_url, shorten
from digestd.mail.content import PaperContent
from digestd.ranking.text import tokens

HTML_MAX = 92_000
"""Gmail clips messages above 102 KB of encoded HTML."""

_NAME_MAX = 60
_REASON_MAX = 120
_CATEGORIES_MAX = 4
_SOURCES_MAX = 4
_FIGURES = {"paper": "", "pdf": "", "code": "stars", "discussion": "upvotes"}


@dataclass(frozen=True, slots=True, eq=False)
class DetailLevel:
    """Limits of what is shown: characters of title and abstract, authors, papers.

    `is_brief`: one link for all feedback instead of one link each.
    """

    title: int
    abstract: int
    authors: int
    papers: int = 1_000
    is_brief: bool = False


DETAIL_LEVELS = (
    DetailLevel(300, 600, 6),
    DetailLevel(300, 440, 6),
    DetailLevel(300, 320, 6),
    DetailLevel(300, 320, 6, is_brief=True),
    DetailLevel(240, 220, 4, is_brief=True),
    DetailLevel(200, 120, 3, is_brief=True),
    DetailLevel(160, 0, 2, is_brief=True),
    DetailLevel(120, 0, 1, is_brief=True),
    DetailLevel(120, 0, 1, papers=20, is_brief=True),
    DetailLevel(120, 0, 1, papers=5, is_brief=True),
)
"""From most to least; the first whose HTML is small enough is used."""


@dataclass(frozen=True, slots=True)
class PaperLink:
    """A link of a paper.

    `kind`: paper, pdf, code or discussion; `figure`: stars or upvotes, 0 if unknown.
    """

    kind: str
    url: str
    figure: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class PaperView:
    """A paper at one level of detail. `more`: how many authors are left out."""

    title: str
    url: str
    authors: tuple[str, ...]
    more: int
    categories: tuple[str, ...]
    abstract: str
    links: tuple[PaperLink, ...]


@dataclass(frozen=True, slots=True)
class CoverageGap:
    """Incomplete sources in one state: some `names`, and how many `more`."""

    state: str
    names: tuple[str, ...]
    more: int
    count: int


def coverage_gaps(coverage: Mapping[str, CoverageState]) -> tuple[CoverageGap, ...]:
    """Group incomplete sources by state; at most four sources of a state are named."""
    return tuple(
        _gap(state, names)
        for state in _GAPS
        if (names := [shorten(clean(name, 200), _NAME_MAX) for name, found in coverage.items() if found is state])
    )


_GAPS = (CoverageState.LATE, *(s for s in CoverageState if s not in COMPLETE and s is not CoverageState.LATE))


def _gap(state: CoverageState, names: list[str]) -> CoverageGap:
    named = names if len(names) <= _SOURCES_MAX else names[: _SOURCES_MAX - 1]
    return CoverageGap(state.value, tuple(named), len(names) - len(named), len(names))


@lru_cache(maxsize=4096)  # many subscribers get the same papers
def view_paper(paper: PaperContent, level: DetailLevel) -> PaperView:
    """Return a paper at a level of detail, cleaned, with links to the web only."""
    authors = [shorten(clean(name, 200), _NAME_MAX) for name in paper.authors[: level.authors]]
    links = _links(paper)
    return PaperView(
        title=shorten(clean(paper.title), level.title) or "…",
        url=next((link.url for link in links), ""),
        authors=tuple(authors),
        more=len(paper.authors) - len(authors),
        categories=tuple(clean(name, 40) for name in paper.categories[:_CATEGORIES_MAX]),
        abstract=shorten(clean(paper.abstract), level.abstract),
        links=links,
    )


def clean_reason(reason: Reason) -> Reason:
    """Clean a reason to one line, without words that only repeat the topic."""
    if reason.kind is ReasonKind.GROUP and reason.words:
        topic = clean_reason(Reason(ReasonKind.TOPIC, reason.words[0], reason.words[1:]))
        return Reason(reason.kind, shorten(clean(reason.value), _REASON_MAX), (topic.value, *topic.words))
    words = (
        () if _repeats_topic(reason) else (shorten(_mid_sentence(clean(word, 200)), 40) for word in reason.words[:5])
    )
    return Reason(reason.kind, shorten(clean(reason.value), _REASON_MAX), tuple(words))


def _repeats_topic(reason: Reason) -> bool:
    """Return True if the words are the topic's own, or plurals of them."""
    words = " ".join(reason.words)
    if reason.kind is not ReasonKind.TOPIC or words.casefold() == reason.value.casefold():
        return reason.kind is ReasonKind.TOPIC
    topic_words = {_singular(word) for word in reason.value.split()}
    return all(_singular(word) in topic_words for word in reason.words) and _terms(words) == _terms(reason.value)


def _terms(text: str) -> frozenset[str]:
    return frozenset().union(*map(_terms_of, text.split()))


@lru_cache(maxsize=4096)  # topics share words
def _terms_of(word: str) -> tuple[str, ...]:
    return tuple(tokens(word))


def _singular(word: str) -> str:
    return word.casefold().removesuffix("s")


def _mid_sentence(word: str) -> str:
    """Lower-case a word that may be capitalised only because it began a sentence."""
    return word.lower() if word[1:].islower() or len(word) == 1 else word


def _links(paper: PaperContent) -> tuple[PaperLink, ...]:
    urls = {
        "paper": safe_url(paper.url),
        "pdf": safe_url(paper.links.get("pdf")),
        "code": safe_url(paper.links.get("code")),
        "discussion": safe_url(paper.links.get("discussion")),
    }
    return tuple(PaperLink(kind, url, _figure(paper, _FIGURES[kind])) for kind, url in urls.items() if url)


def _figure(paper: PaperContent, signal: str) -> int:
    value = paper.signals.get(signal, 0)
    return int(value) if 0 < value < 1e12 else 0
