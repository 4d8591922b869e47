"""Prepare papers for display, with abstracts cut so that a page stays small."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import quote

from digestd.domain.paper import ABSTRACT_MAX, TITLE_MAX, Paper, PaperId, is_sample
from digestd.mail.content import PaperContent
from digestd.mail.view_models import DetailLevel, PaperLink, PaperView, view_paper

BYTES_MAX = 15_000
"""Bytes of text of all papers on a page. With markup, style, script and icon a page has about 60 kB."""
_COMPLETE = DetailLevel(TITLE_MAX, ABSTRACT_MAX, 100)
_CLAMPED_FROM = 170
_FITS = tuple(
    DetailLevel(300, abstract, authors)
    for abstract, authors in ((1_500, 8), (900, 8), (500, 6), (350, 5), (250, 4), (0, 3))
)


@dataclass(frozen=True, slots=True)
class PaperCard:
    """A paper on a page.

    Attributes:
        more: Number of authors beyond `authors`.
        gist: What is new and what came out; empty for papers without a gist, or whose abstract is no longer.
        is_machine_written: No author wrote the gist.
        is_long: The page shows the start of the abstract and a "Read more" button.
        path: Path of the paper's own page below the home page.
        is_sample: The paper is invented.
        reason: Why this reader gets the paper; empty on public lists.
        places: Venue and sources.
    """

    title: str
    url: str
    authors: tuple[str, ...]
    more: int
    categories: tuple[str, ...]
    abstract: str
    is_long: bool
    published: date
    upvotes: int
    links: tuple[PaperLink, ...]
    path: str = ""
    is_sample: bool = False
    reason: str = ""
    gist: str = ""
    is_machine_written: bool = False
    places: tuple[str, ...] = ()
    affiliations: tuple[str, ...] = ()


def paper_cards(papers: Sequence[Paper]) -> list[PaperCard]:
    """Return the papers, all cut by the same rule.

    The most generous one that fits BYTES_MAX.
    """
    contents = [PaperContent.of(paper) for paper in papers]
    for fit in _FITS:
        shown = [view_paper(content, fit, ()) for content in contents]
        if sum(map(_bytes, shown)) <= BYTES_MAX:
            break
    return [_card(paper, item) for paper, item in zip(papers, shown, strict=True)]


def short_card(paper: Paper, reason: str) -> PaperCard:
    """Return a paper without its abstract, with the reason why it was chosen."""
    return _card(paper, view_paper(PaperContent.of(paper), _FITS[-1], ()), reason)


def complete_card(paper: Paper) -> PaperCard:
    """Return a paper with its complete abstract."""
    return replace(_card(paper, view_paper(PaperContent.of(paper), _COMPLETE, ())), is_long=False)


def paper_path(name: PaperId) -> str:
    """Return the path of a paper's page below the home page."""
    return f"paper/{quote(name, safe=':/')}"


def _card(paper: Paper, item: PaperView, reason: str = "") -> PaperCard:
    return PaperCard(
        title=item.title,
        url=item.url,
        authors=item.authors,
        more=item.more,
        categories=item.categories,
        abstract=item.abstract,
        is_long=len(item.abstract) > _CLAMPED_FROM,
        published=paper.published.date(),
        upvotes=int(paper.signals.get("upvotes", 0)),
        links=tuple(link for link in item.links if link.kind != "paper"),
        path=paper_path(paper.id),
        is_sample=is_sample(paper.id),
        reason=reason,
        gist=item.gist if paper.gist and item.gist != item.full_abstract else "",
        is_machine_written=item.is_machine_written,
        places=item.places,
        affiliations=item.affiliations,
    )


def _bytes(item: PaperView) -> int:
    return len("".join((item.title, item.gist, item.abstract, *item.authors)).encode())
