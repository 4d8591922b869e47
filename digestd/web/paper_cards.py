"""Papers as the pages show them: as much of each abstract as keeps a page light."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from digestd.domain.paper import Paper
from digestd.render import Entry
from digestd.render.shown import Fit, Fitted, Link, fitted

BYTES_MAX = 22_000
"""Words of all papers of a page; with marks, style, script and icon a page stays within 60 kB."""
_CLAMPED_FROM = 170
_FITS = tuple(Fit(300, abstract, authors) for abstract, authors in ((1_500, 8), (900, 8), (500, 6), (250, 4), (0, 3)))


@dataclass(frozen=True, slots=True)
class PaperCard:
    """One paper. `is_long`: its abstract is cut until the reader asks for more; `reason`: why this reader gets it."""

    title: str
    url: str
    authors: tuple[str, ...]
    more: int
    categories: tuple[str, ...]
    abstract: str
    is_long: bool
    published: date
    upvotes: int
    links: tuple[Link, ...]
    reason: str = ""


def paper_cards(papers: Sequence[Paper]) -> list[PaperCard]:
    """The papers, all shown alike."""
    for fit in _FITS:
        shown = [fitted(Entry.of(paper), fit) for paper in papers]
        if sum(map(_bytes, shown)) <= BYTES_MAX:
            break
    return [_card(paper, item) for paper, item in zip(papers, shown, strict=True)]


def short_card(paper: Paper, reason: str) -> PaperCard:
    """A paper without its abstract, for whom it was chosen."""
    return _card(paper, fitted(Entry.of(paper), _FITS[-1]), reason)


def _card(paper: Paper, item: Fitted, reason: str = "") -> PaperCard:
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
        reason=reason,
    )


def _bytes(item: Fitted) -> int:
    return len("".join((item.title, item.abstract, *item.authors)).encode())
