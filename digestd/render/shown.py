"""Papers as the templates show them: everything cleaned, shortened, and linked only to the web."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from digestd.domain.coverage import COMPLETE, CoverageState
from digestd.domain.digest import Reason
from digestd.render.content import Item
from digestd.render.words import clean, safe_url, shorten

HTML_MAX = 80_000
"""Gmail clips an HTML part from 102 KB on, counted as it is encoded."""

_NAME_MAX = 60
_REASON_MAX = 120
_CATEGORIES_MAX = 4
_SOURCES_MAX = 4
_FIGURES = {"paper": "", "pdf": "", "code": "stars", "discussion": "upvotes"}
_LITERAL = bytes(byte for byte in range(32, 127) if byte != ord("=")) + b"\t\n"


@dataclass(frozen=True, slots=True)
class Fit:
    """How much of each paper is shown: characters of title and abstract, and how many authors and papers."""

    title: int
    abstract: int
    authors: int
    papers: int = 1_000


FITS = (
    Fit(300, 600, 6),
    Fit(300, 440, 6),
    Fit(300, 320, 6),
    Fit(240, 220, 4),
    Fit(200, 120, 3),
    Fit(160, 0, 2),
    Fit(120, 0, 1),
    Fit(120, 0, 1, papers=20),
    Fit(120, 0, 1, papers=5),
)
"""From ample to scant; the first whose HTML is small enough is used."""


@dataclass(frozen=True, slots=True)
class Link:
    """`kind`: paper, pdf, code or discussion; `figure`: its stars or upvotes, 0 where unknown."""

    kind: str
    url: str
    figure: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """One paper as it stands in the mail. `more`: how many authors are left out."""

    title: str
    url: str
    authors: tuple[str, ...]
    more: int
    categories: tuple[str, ...]
    abstract: str
    reason: str
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


def shown(item: Item, fit: Fit, in_words: Callable[[Reason], str]) -> Shown:
    """The item within `fit`; `in_words` says its reason in the reader's language."""
    authors = [shorten(clean(name, 200), _NAME_MAX) for name in item.authors[: fit.authors]]
    links = _links(item)
    return Shown(
        title=shorten(clean(item.title), fit.title) or "…",
        url=next((link.url for link in links), ""),
        authors=tuple(authors),
        more=len(item.authors) - len(authors),
        categories=tuple(clean(name, 40) for name in item.categories[:_CATEGORIES_MAX]),
        abstract=shorten(clean(item.abstract), fit.abstract),
        reason=in_words(cleaned(item.reason)),
        links=links,
    )


def cleaned(reason: Reason) -> Reason:
    """A reason whose words may stand in a line of their own."""
    words = (shorten(clean(word, 200), 40) for word in reason.words[:5])
    return Reason(reason.why, shorten(clean(reason.value), _REASON_MAX), tuple(words))


def encoded_size(html: str) -> int:
    """About, and rather more than, how many bytes the HTML takes in quoted-printable (RFC 2045 section 6.7)."""
    data = html.encode("utf-8", "replace")
    size = len(data) + 2 * len(data.translate(None, _LITERAL)) + data.count(b"\n")
    return size + 4 * (size // 72 + 1)  # a soft break a line, and now and then a dot to hide at its start


def _links(item: Item) -> tuple[Link, ...]:
    urls = {
        "paper": safe_url(item.url),
        "pdf": safe_url(item.links.get("pdf")),
        "code": safe_url(item.links.get("code")),
        "discussion": safe_url(item.links.get("discussion")),
    }
    return tuple(Link(kind, url, _figure(item, _FIGURES[kind])) for kind, url in urls.items() if url)


def _figure(item: Item, signal: str) -> int:
    value = item.signals.get(signal, 0)
    return int(value) if 0 < value < 1e12 else 0
