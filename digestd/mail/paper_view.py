"""Papers as people see them: plain text, cleaned, with links to the web only, as long as a mail or page has room for.

`PaperView.of` returns all of a paper, cleaned once; `cut` shortens it to a level of detail. Mails, pages, files, feeds,
chat and the API show nothing else of a paper.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from urllib.parse import quote

from digestd.domain.gist import GIST_MAX, Gist
from digestd.domain.paper import NAME_MAX, Paper, PaperId, institution_name, is_sample
from digestd.mail.categories import category_names
from digestd.ranking.text import STOP_WORDS
from digestd.text.sanitise import clean, safe_url, shorten
from digestd.text.scripts import text_direction, text_language

_NAME_MAX = 60
_LISTED_MAX = 100
"""Characters of a title in a list: two lines of plain text."""
_TITLE_EDGE = re.compile(
    r"(?<!ed)(?=[ ](?:for|via|with|in|using|by|through|from|under|on|across|against|towards?|at|without)[ ])"
    r"|(?=:[ ]|[ ][–—-][ ])|(?<=[?!])(?=[ ])",
    re.IGNORECASE,
)
"""Places to cut a title: before a preposition, unless it belongs to a participle, and between its parts."""
_AFFILIATIONS_MAX = 2
_FACTS_MAX = 3
_LINKS = ("pdf", "code", "discussion", "project")
_FIGURES = {"code": ("stars", ""), "discussion": ("upvotes", "comments")}
"""Signals shown with a link: the figure and a second one."""
_NAMED = {
    "code": re.compile(r"(?<![\w.@/-])(?:https?://)?(?:www\.)?((?:github|gitlab)\.com/[\w.-]+/[\w.-]*\w)", re.ASCII),
    "project": re.compile(
        r"(?<![\w.@/-])(?:https?://)?(huggingface\.co/(?!papers/|docs/|blog/)(?:\w+/)?[\w.-]+/[\w.-]*\w)", re.ASCII
    ),
}
"""Addresses of code, and of models and data, in an abstract, with or without https."""


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
"""Of mails, from most to least; the first whose HTML is small enough is used."""
PAGE_LEVELS = tuple(
    DetailLevel(300, abstract, authors)
    for abstract, authors in ((3_000, 8), (1_500, 8), (900, 8), (500, 6), (350, 5), (250, 4), (0, 3))
)
"""Of pages with many papers, from most to least."""
HEADING = DetailLevel(title=300, abstract=0, authors=4)
"""Of a paper that a page names in one line."""
OWN_PAGE = DetailLevel(title=1_000, abstract=20_000, authors=100)
PAGE_BYTES = 45_000
"""Bytes of text of all papers on a page: the whole abstracts of twenty. With all else a page has about 90 kB."""


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
    """A paper as it is shown, the same for every subscriber. Compared by identity (cheap as a cache key).

    Attributes:
        title, abstract: Cut to the level of detail.
        full_abstract: The abstract, not cut.
        summary: What is new and what came out, in two lengths, if the paper has a gist.
        gist: The one that fits the level; the same as `abstract` without a gist.
        is_machine_written: Whether no author wrote the gist, so that a label must say so.
        people: The authors; after a cut the first ones, the last one, and those whom the subscriber follows.
        more: How many authors are left out.
        categories: Names, or codes without a known name.
        codes: The categories as the sources write them.
        published: The day of publication, if a source gives it.
        dated: The time of publication, else when the paper was first seen.
        places: Sources and venue.
        announced: `new`, `cross` or `replace`, as the most trusted source announced it.
        is_sample: Whether the paper is invented; shown at every level.
        signals: Counts by name: upvotes, comments, stars, citations.
        upvotes: Of a paper without a link to its discussion; 0 if unknown.
        translated: The same paper with its gist in other languages, by BCP 47 tag.
    """

    number: int
    id: PaperId
    title: str
    abstract: str
    full_abstract: str
    summary: Gist | None
    gist: str
    is_machine_written: bool
    people: tuple[AuthorView, ...]
    affiliations: tuple[str, ...]
    categories: tuple[str, ...]
    codes: tuple[str, ...]
    published: date | None
    dated: datetime
    first_seen: datetime
    places: tuple[str, ...]
    announced: str
    is_sample: bool
    signals: Mapping[str, float]
    upvotes: int
    links: tuple[PaperLink, ...]
    more: int = 0
    translated: "Mapping[str, PaperView]" = field(default_factory=dict)

    @classmethod
    def of(cls, paper: Paper) -> "PaperView":
        """Return all of a stored paper, cleaned.

        A paper without a date of publication was stored with the time when it was first seen.
        """
        venue, abstract = paper.facts.venue, clean(paper.plain_abstract)
        links = tuple(_links(paper, abstract))
        plain = cls(
            number=paper.key,
            id=paper.id,
            title=clean(paper.plain_title),
            abstract=abstract,
            full_abstract=abstract,
            summary=None,
            gist=abstract,
            is_machine_written=False,
            people=tuple([AuthorView(name) for name in _cleaned(paper.words.authors) if any(map(str.isalpha, name))]),
            affiliations=tuple(_names(map(institution_name, paper.facts.affiliations))),
            categories=tuple(_names(name for name in category_names(paper.words.categories) if name != venue)),
            codes=tuple(_cleaned(paper.words.categories)),
            published=paper.published.date() if paper.published != paper.first_seen else None,
            dated=paper.published,
            first_seen=paper.first_seen,
            places=tuple(_names(dict.fromkeys((venue, *paper.facts.sources)))),
            announced=paper.facts.announced,
            is_sample=is_sample(paper.id),
            signals=paper.signals,
            upvotes=0 if any(link.kind == "discussion" for link in links) else _figure(paper.signals, "upvotes"),
            links=links,
        )
        translated = {language: plain._with_gist(gist) for language, gist in paper.translations.items()}
        return replace(plain._with_gist(paper.gist), translated=translated)

    def _with_gist(self, gist: Gist | None) -> "PaperView":
        if gist is None:
            return self
        gist = replace(gist, text=clean(gist.text), brief=clean(gist.brief))
        return replace(
            self,
            summary=gist,
            gist=gist.text or self.abstract,
            is_machine_written=bool(gist.text and gist.is_machine_written),
        )

    def in_language(self, language: str) -> "PaperView":
        """Return the view with the gist in a language, its parent (`de` for `de-AT`), or as it is."""
        if not self.translated:
            return self
        return self.translated.get(language) or self.translated.get(language.partition("-")[0], self)

    def cut(self, level: DetailLevel, followed: tuple[str, ...] = ()) -> "PaperView":
        """Return the paper at a level of detail.

        `followed`: names of authors, as written in the paper, that are shown and marked in any case.
        """
        return _cut(self, level, followed)

    @property
    def authors(self) -> tuple[str, ...]:
        return tuple([person.name for person in self.people])

    @property
    def author_count(self) -> int:
        return len(self.people) + self.more

    @property
    def title_dir(self) -> str:
        return text_direction(self.title)

    @property
    def abstract_dir(self) -> str:
        return text_direction(self.abstract)

    @property
    def language(self) -> str:
        """Return the language of the text, or empty if unknown."""
        return text_language(self.abstract or self.title)

    @property
    def url(self) -> str:
        """Return the first link, or empty."""
        return next((link.url for link in self.links), "")

    @property
    def page(self) -> str:
        """Return the URL of the paper itself at its source, or empty."""
        return self.link("paper")

    def link(self, kind: str) -> str:
        return next((link.url for link in self.links if link.kind == kind), "")

    @property
    def votes(self) -> int:
        return _figure(self.signals, "upvotes")

    @property
    def short_title(self) -> str:
        """Return the title for a list."""
        return cut_title(self.title, _LISTED_MAX)

    @property
    def path(self) -> str:
        """Return the path of the paper's own page below the home page."""
        return f"paper/{quote(self.id, safe=':/')}"


@lru_cache(maxsize=4096)  # many subscribers get the same first paper
def cut_title(title: str, limit: int, keep: str = "") -> str:
    """Return a title of at most `limit` characters, cut where a phrase ends, else between words.

    `keep`: words of the title, in any case, that stay if there is room for some more.
    """
    if len(title) <= limit:
        return title
    found = re.search(rf"(?<!\w){re.escape(keep)}\w*", title, re.IGNORECASE) if keep else None
    if found and found[0] not in cut_title(title, limit):
        if found.end() <= limit:
            return title[: found.end()]
        words = title[: max(limit - len(found[0]) - 2, 0)].split(" ")[:-1]
        while words and words[-1].lower() in STOP_WORDS:
            words.pop()
        if words:
            return f"{' '.join(words).rstrip(',;')} … {found[0]}"
    edges = [found.start() for found in _TITLE_EDGE.finditer(title, limit // 2) if found.start() <= limit]
    if edges:
        return title[: edges[-1]]
    words = shorten(title, limit).removesuffix("…").split(" ")
    while len(words) > 1 and words[-1].lower() in STOP_WORDS:
        words.pop()
    return f"{' '.join(words)}…"


@lru_cache(maxsize=4096)  # many subscribers get the same papers
def _cut(paper: PaperView, level: DetailLevel, followed: tuple[str, ...]) -> PaperView:
    title, abstract, gist = _text_of(paper, level)
    people = _people(paper.people, level.authors, {clean(name, NAME_MAX) for name in followed})
    has_facts = not level.is_brief
    return replace(
        paper,
        title=title or "…",
        abstract=abstract,
        gist=gist or abstract,
        is_machine_written=bool(gist and paper.is_machine_written),
        people=people,
        more=len(paper.people) - len(people),
        affiliations=paper.affiliations[:_AFFILIATIONS_MAX] if has_facts else (),
        categories=paper.categories[:_FACTS_MAX] if has_facts else (),
        published=paper.published if has_facts else None,
        places=paper.places[:_FACTS_MAX] if has_facts else (),
        announced=paper.announced if has_facts else "new",
        upvotes=paper.upvotes if has_facts else 0,
        translated={},
    )


def cut_for_page(papers: Iterable[Paper]) -> list[PaperView]:
    """Return the papers, all cut by the same rule: the most generous one that fits PAGE_BYTES."""
    views = [PaperView.of(paper) for paper in papers]
    fitting = (level for level in PAGE_LEVELS if sum(_bytes(view, level) for view in views) <= PAGE_BYTES)
    level = next(fitting, PAGE_LEVELS[-1])
    return [view.cut(level) for view in views]


def _bytes(paper: PaperView, level: DetailLevel) -> int:
    title, abstract, gist = _text_of(paper, level)
    names = [person.name for person in _people(paper.people, level.authors, ())]
    return len("".join((title, abstract, gist or abstract, *names)).encode())


def _text_of(paper: PaperView, level: DetailLevel) -> tuple[str, str, str]:
    """Return title, abstract and gist at a level of detail; the gist is empty if the paper has none."""
    gist = paper.summary and (paper.summary.text if level.abstract >= GIST_MAX else paper.summary.brief)
    return (
        shorten(paper.title, level.title),
        shorten(paper.full_abstract, level.abstract),
        shorten(gist or "", level.abstract),
    )


def _people(people: Sequence[AuthorView], limit: int, followed: Collection[str]) -> tuple[AuthorView, ...]:
    """Return the first `limit` - 1 authors, the last one, and the followed ones, in order."""
    last = len(people) - 1
    first = len(people) if len(people) <= limit else limit - 1
    wanted = [n for n, person in enumerate(people) if n < first or n == last or person.name in followed]
    return tuple(
        AuthorView(shorten(people[n].name, _NAME_MAX), people[n].name in followed, n > before + 1)
        for before, n in zip([-1, *wanted], wanted, strict=False)
    )


def _cleaned(names: Iterable[str]) -> Iterator[str]:
    return filter(None, (clean(name, NAME_MAX) for name in names))


def _names(names: Iterable[str]) -> Iterator[str]:
    return (shorten(name, _NAME_MAX) for name in _cleaned(names))


def _links(paper: Paper, abstract: str) -> Iterator[PaperLink]:
    """Yield the links that sources give, and those of other kinds that the abstract names."""
    named = {kind: f"https://{found[1]}" for kind, pattern in _NAMED.items() if (found := pattern.search(abstract))}
    links = {**named, **paper.links}
    for kind, url in (("paper", paper.url), *((kind, links.get(kind)) for kind in _LINKS)):
        if safe := safe_url(url).removesuffix(".git"):
            yield PaperLink(kind, safe, *(_figure(paper.signals, signal) for signal in _FIGURES.get(kind, ("", ""))))


def _figure(signals: Mapping[str, float], name: str) -> int:
    value = signals.get(name, 0)
    return int(value) if 0 < value < 1e12 else 0
