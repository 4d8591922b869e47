"""List and show papers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from digestd.domain.paper import Paper, PaperId
from digestd.errors import NotFound
from digestd.mail.paper_view import PaperView
from digestd.security.tokens import Scope
from digestd.store import papers
from digestd.web.api.auth import needs
from digestd.web.api.shapes import Cursor, Limit, PaperOut, ResultPage, Since, page_of
from digestd.web.dependencies import Db

router = APIRouter(dependencies=[Depends(needs(Scope.READ))])


@router.get("/papers", tags=["papers"])
def list_papers(db: Db, limit: Limit = 50, cursor: Cursor = None, since: Since = None) -> ResultPage[PaperOut]:
    """List papers, newest first."""
    with db.read() as session:
        found = papers.page_before(session, limit + 1, cursor, since)
    return page_of([_paper(paper) for paper in found], limit, lambda item: item.number)


@router.get("/papers/{id:path}", tags=["papers"])
def show_paper(id: Annotated[str, Path(max_length=400)], db: Db) -> PaperOut:  # the name that callers see
    """Return a paper by any of its identifiers, such as `arxiv:2401.00001`."""
    with db.read() as session:
        found = None if "\0" in id else papers.find(session, PaperId(id))
    if found is None:
        raise NotFound("there is no such paper")
    return _paper(found)


def _paper(found: Paper) -> PaperOut:
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
