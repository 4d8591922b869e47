"""View models: papers for the templates, cleaned and shortened."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from digestd.domain.coverage import COMPLETE, CoverageState
from digestd.domain.digest import Reason, ReasonKind
from digestd.domain.gist import GIST_MAX
from digestd.mail.categories import category_label, category_names
from digestd.mail.content import PaperContent
from digestd.ranking.text import phrase_form
from digestd.text.sanitise import clean, safe_url, shorten
from digestd.text.scripts import text_direction, text_language

HTML_MAX = 92_000
"""Gmail clips messages above 102 KB of encoded HTML."""

_NAME_MAX = 60
_REASON_MAX = 120
_SOURCES_MAX = 4
_AFFILIATIONS_MAX = 2
_FACTS_MAX = 3
_FIGURES = {"code": ("stars", ""), "discussion": ("upvotes", "comments")}
"""Signals shown with a link: the figure and a second one."""


@dataclass(frozen=True, slots=True, eq=False)
class DetailLevel:
    """Limits of what is shown: characters of title and abstract, authors, papers.

    `is_brief`: without the line of facts.
    """

    title: int
    abstract: int
    authors: int
    papers: int = 1_000
    is_brief: bool = False


DETAIL_LEVELS = (
    DetailLevel(300, 480, 6),
    DetailLevel(300, 320, 6),
    DetailLevel(300, 320, 4, is_brief=True),
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

    `kind`: paper, pdf, code, discussion or project; `figure`: stars or upvotes, `second`: comments; 0 if unknown.
    """

    kind: str
    url: str
    figure: int = 0
    second: int = 0


@dataclass(frozen=True, slots=True)
class AuthorView:
    """An author.

    `is_followed`: by the subscriber; `follows_gap`: authors before this one are left out.
    """

    name: str
    is_followed: bool = False
    follows_gap: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PaperView:
    """A paper at one level of detail.

    Attributes:
        title_dir, abstract_dir: The direction of the text, ltr or rtl.
        language: The language of the text, or empty if unknown.
        people: The first authors, the last one, and those whom the subscriber follows.
        more: How many authors are left out.
        categories: Names, or codes without a known name.
        published: The day of publication, if known.
        places: Sources and venue.
        announced: new, cross or replace.
        is_sample: Whether the paper is invented; shown at every level.
        upvotes: Of a paper without a link to its discussion; 0 if unknown.
        abstract: The abstract, cut to the level.
        gist: What is new and what came out; without a gist the same as `abstract`.
        is_machine_written: Whether no author wrote the gist, so that a label must say so.
        full_abstract: The abstract, not cut.
    """

    title: str
    title_dir: str
    language: str
    url: str
    people: tuple[AuthorView, ...]
    more: int
    affiliations: tuple[str, ...]
    categories: tuple[str, ...]
    published: date | None
    places: tuple[str, ...]
    announced: str
    is_sample: bool
    upvotes: int
    abstract: str
    abstract_dir: str
    links: tuple[PaperLink, ...]
    gist: str = ""
    is_machine_written: bool = False
    full_abstract: str = ""

    @property
    def authors(self) -> tuple[str, ...]:
        """Return the names of the authors shown."""
        return tuple(person.name for person in self.people)

    @property
    def author_count(self) -> int:
        """Return how many authors the paper has."""
        return len(self.people) + self.more


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
def view_paper(paper: PaperContent, level: DetailLevel, followed: tuple[str, ...]) -> PaperView:
    """Return a paper at a level of detail, cleaned, with links to the web only.

    `followed`: names of authors, as written in the paper, that are shown and marked in any case.
    """
    title = shorten(clean(paper.title), level.title) or "…"
    abstract = shorten(clean(paper.abstract), level.abstract)
    people = _people(paper.authors, level.authors, followed)
    links = _links(paper)
    has_facts = not level.is_brief
    categories = [name for name in category_names(paper.categories) if name != paper.venue]
    full_abstract, gist = clean(paper.abstract), _gist(paper, level.abstract)
    return PaperView(
        title=title,
        title_dir=text_direction(title),
        language=text_language(abstract or title),
        url=next((link.url for link in links), ""),
        people=people,
        more=len(paper.authors) - len(people),
        affiliations=tuple(_names(paper.affiliations[:_AFFILIATIONS_MAX])) if has_facts else (),
        categories=tuple(_names(categories[:_FACTS_MAX])) if has_facts else (),
        published=paper.published if has_facts else None,
        places=tuple(_names(dict.fromkeys([*([paper.venue] if paper.venue else []), *paper.sources])))[:_FACTS_MAX]
        if has_facts
        else (),
        announced=paper.announced if has_facts else "new",
        is_sample=paper.is_sample,
        upvotes=_figure(paper, "upvotes") if has_facts and all(link.kind != "discussion" for link in links) else 0,
        abstract=abstract,
        abstract_dir=text_direction(abstract),
        links=links,
        gist=gist or abstract,
        is_machine_written=bool(gist and paper.gist and paper.gist.is_machine_written),
        full_abstract=full_abstract,
    )


def _names(names: Iterable[str]) -> Iterator[str]:
    return filter(None, (shorten(clean(name, 200), _NAME_MAX) for name in names))


def _people(names: Sequence[str], limit: int, followed: Collection[str]) -> tuple[AuthorView, ...]:
    """Return the first `limit` - 1 authors, the last one, and the followed ones, in order."""
    last = len(names) - 1
    first = len(names) if len(names) <= limit else limit - 1
    wanted = [n for n, name in enumerate(names) if n < first or n == last or name in followed]
    return tuple(
        AuthorView(shorten(clean(names[n], 200), _NAME_MAX), names[n] in followed, n > before + 1)
        for before, n in zip([-1, *wanted], wanted, strict=False)
    )


def _gist(paper: PaperContent, limit: int) -> str:
    """Return the gist in at most `limit` characters, or "" if there is none."""
    if paper.gist is None:
        return ""
    return shorten(clean(paper.gist.text if limit >= GIST_MAX else paper.gist.brief), limit)


def clean_reason(reason: Reason) -> Reason:
    """Clean a reason to one line, without words that only repeat the interest."""
    if reason.kind is ReasonKind.GROUP and reason.words:
        topic = clean_reason(Reason(ReasonKind.TITLE, reason.words[0], reason.words[1:]))
        return Reason(reason.kind, shorten(clean(reason.value), _REASON_MAX), (topic.value, *topic.words))
    words = [] if _repeats_interest(reason) else [shorten(clean(word, 200), _REASON_MAX) for word in reason.words[:5]]
    value = category_label(reason.value) if reason.kind is ReasonKind.CATEGORY else clean(reason.value)
    return Reason(
        reason.kind,
        shorten(clean(value), _REASON_MAX),
        tuple(map(_mid_sentence, words) if reason.kind is ReasonKind.WORDS else words),
    )


def _repeats_interest(reason: Reason) -> bool:
    """Return True if the words in the title are those of the interest, or plurals of them."""
    if reason.kind not in (ReasonKind.TITLE, ReasonKind.PHRASE):
        return False
    topic, words = (
        [_singular(word) for word in phrase_form(text).split()] for text in (reason.value, " ".join(reason.words))
    )
    return words == topic


def _singular(word: str) -> str:
    return word.removesuffix("s")


def _mid_sentence(word: str) -> str:
    """Lower-case a word that may be capitalised only because it began a sentence."""
    return word.lower() if word[1:].islower() or len(word) == 1 else word


def _links(paper: PaperContent) -> tuple[PaperLink, ...]:
    urls = {"paper": paper.url, **{kind: paper.links.get(kind) for kind in ("pdf", "code", "discussion", "project")}}
    safe = {kind: safe_url(url) for kind, url in urls.items()}
    return tuple(
        PaperLink(kind, url, *(_figure(paper, signal) for signal in _FIGURES.get(kind, ("", ""))))
        for kind, url in safe.items()
        if url
    )


def _figure(paper: PaperContent, signal: str) -> int:
    value = paper.signals.get(signal, 0)
    return int(value) if 0 < value < 1e12 else 0
