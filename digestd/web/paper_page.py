"""Show one paper to everybody: the page to share.

Only papers that a source reported have a page, never a subscriber's reference. The address carries no power over any
account and says nothing about who shared it.
"""

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import RedirectResponse, Response

from digestd.domain.paper import Paper, PaperId, paper_id
from digestd.errors import BadRecord, NotFound
from digestd.mail.paper_view import OWN_PAGE, PaperView
from digestd.store import papers
from digestd.store.database import Database
from digestd.web.dependencies import Db, Now, VisitorPages, part
from digestd.web.pages import SHOW, Pages, ResponseCache

KEPT = timedelta(minutes=10)
router = APIRouter()
_Cache = Annotated[ResponseCache, Depends(part(lambda _app: ResponseCache(KEPT)))]


@router.api_route("/paper/{name:path}", methods=SHOW)
def show(name: str, pages: VisitorPages, db: Db, now: Now, cache: _Cache) -> Response:
    return cache.page((name, pages.language, pages.site.carried), now, lambda: _page(db, pages, name, now))


def _find(db: Database, name: str) -> Paper:
    """Return the public paper under a name, in any spelling of an identifier. Raises NotFound."""
    try:
        wanted = paper_id(name[:500])
    except BadRecord:
        raise NotFound("there is no such paper") from None
    with db.read() as session:
        found = papers.find(session, PaperId(wanted))
    if found is None:
        raise NotFound("there is no such paper")
    return found


def _page(db: Database, pages: Pages, name: str, now: datetime) -> Response:
    """Return the page of a paper, or a redirect to it from another of its names. Raises NotFound."""
    paper = _find(db, name)
    view = PaperView.of(paper).cut(OWN_PAGE)
    if paper.id != name:
        return RedirectResponse(f"{pages.site.root}{view.path}{pages.site.carried}", 301)
    return pages.page("paper_page", paper=view, day=_day(paper, now.date()), withdrawn=paper.withdrawn)


def _day(paper: Paper, today: date) -> date | None:
    """Return the day whose page may list the paper; None for papers that were never news."""
    return None if paper.archived else min(paper.first_seen.date(), today)
