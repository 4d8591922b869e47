"""List and show papers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from digestd.app import App
from digestd.domain.api import Scope
from digestd.domain.paper import Paper, PaperId
from digestd.errors import NotFound
from digestd.store import papers
from digestd.web.api.auth import needs
from digestd.web.api.shapes import Cursor, Limit, PaperOut, ResultPage, Since, page_of


def router(app: App) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter(dependencies=[Depends(needs(Scope.READ))])

    @routes.get("/papers", tags=["papers"])
    def list_papers(limit: Limit = 50, cursor: Cursor = None, since: Since = None) -> ResultPage[PaperOut]:
        """List papers, newest first."""
        with app.db.read() as session:
            found = papers.page_before(session, limit + 1, cursor, since)
        return page_of([_paper(paper) for paper in found], limit, lambda item: item.number)

    @routes.get("/papers/{id:path}", tags=["papers"])
    def show_paper(id: Annotated[str, Path(max_length=400)]) -> PaperOut:  # the name that callers see
        """Return a paper by any of its identifiers, such as `arxiv:2401.00001`."""
        with app.db.read() as session:
            found = None if "\0" in id else papers.find(session, PaperId(id))
        if found is None:
            raise NotFound("there is no such paper")
        return _paper(found)

    return routes


def _paper(paper: Paper) -> PaperOut:
    return PaperOut(
        number=paper.key,
        id=paper.id,
        title=paper.plain_title,
        abstract=paper.plain_abstract,
        gist=paper.gist.text if paper.gist else "",
        gist_from=paper.gist.kind if paper.gist else None,
        authors=list(paper.words.authors),
        categories=list(paper.words.categories),
        published=paper.published,
        first_seen=paper.first_seen,
        url=paper.url,
        links=dict(paper.links),
        signals=dict(paper.signals),
    )
