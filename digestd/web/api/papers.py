"""List, search and show papers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request

from digestd.domain.paper import Paper, PaperId
from digestd.errors import NotFound
from digestd.mail.paper_view import PaperView
from digestd.security.tokens import Scope
from digestd.store import papers
from digestd.web.api.auth import needs
from digestd.web.api.shapes import Cursor, Limit, PaperOut, ResultPage, Since, page_of
from digestd.web.dependencies import Db, OpenEncoder, made
from digestd.web.preview_day import TodaysPapers

router = APIRouter(dependencies=[Depends(needs(Scope.READ))])
RESULTS_MAX = 50
"""Papers that a search returns at most."""
SearchQuery = Annotated[str, Query(max_length=200, description="Words, authors or a topic to search for")]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SearchApi:
    """Runs searches, in the thread and the places of previews."""

    request: Request
    db: Db
    preview_day: TodaysPapers
    open_encoder: OpenEncoder

    async def run(self, query: str, work: Callable[[], T]) -> T:
        """Run what may search. Raises TooOften if its token searches too much, or it or all hold all places."""
        if query.strip():
            self.request.state.spend()
        return await self.preview_day.search(f"token {self.request.state.token.key}", query, work)


Searching = Annotated[SearchApi, made(SearchApi)]


@router.get("/papers", tags=["papers"])
async def list_papers(
    api: Searching, limit: Limit = 50, cursor: Cursor = None, since: Since = None, q: SearchQuery = ""
) -> ResultPage[PaperOut]:
    """List papers, newest first. With `q`: those that fit these words best, on one page."""

    def find() -> ResultPage[PaperOut]:
        if q.strip():
            return ResultPage(items=_search(api, q, min(limit, RESULTS_MAX)), next=None)
        with api.db.read() as session:
            found = papers.page_before(session, limit + 1, cursor, since)
        return page_of([paper_out(paper) for paper in found], limit, lambda item: item.number)

    return await api.run(q, find)


@router.get("/papers/{id:path}", tags=["papers"])
def show_paper(id: Annotated[str, Path(max_length=400)], db: Db) -> PaperOut:  # the name that callers see
    """Return a paper by any of its identifiers, such as `arxiv:2401.00001`."""
    with db.read() as session:
        found = None if "\0" in id else papers.find(session, PaperId(id))
    if found is None:
        raise NotFound("there is no such paper")
    return paper_out(found)


def _search(api: SearchApi, query: str, limit: int) -> list[PaperOut]:
    from digestd.papers.search import search_archive  # noqa: PLC0415  # few processes search

    with api.db.read() as session:
        return list(map(paper_out, search_archive(session, api.open_encoder(), query, limit)))


def paper_out(found: Paper) -> PaperOut:
    """Return a paper as the API represents it."""
    paper = PaperView.of(found)
    return PaperOut(
        number=paper.number,
        id=paper.id,
        title=paper.title,
        abstract=paper.abstract,
        gist=paper.summary.text if paper.summary else "",
        gist_from=paper.summary.kind if paper.summary else None,
        authors=list(paper.authors),
        categories=list(paper.codes),
        published=paper.dated,
        first_seen=paper.first_seen,
        url=paper.page or None,
        links={link.kind: link.url for link in paper.links if link.kind != "paper"},
        signals=dict(paper.signals),
    )
