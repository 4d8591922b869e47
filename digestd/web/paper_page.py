"""Show one paper to everybody: the page to share.

Only papers that a source reported have a page, never a subscriber's reference. The address carries no power over any
account and says nothing about who shared it.
"""

from datetime import date, datetime, timedelta

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from digestd.app import App
from digestd.domain.paper import Paper, PaperId, paper_id
from digestd.errors import BadRecord, NotFound
from digestd.mail.paper_view import OWN_PAGE, PaperView
from digestd.store import papers
from digestd.web.pages import SHOW, Pages
from digestd.web.response_cache import ResponseCache

KEPT = timedelta(minutes=10)


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter()
    cache = ResponseCache(KEPT)

    @routes.api_route("/paper/{name:path}", methods=SHOW)
    def show(request: Request, name: str) -> Response:
        spoken, now = pages.to(request), app.clock()
        key = (name, spoken.language, spoken.site.carried)
        return cache.page(key, now, lambda: _page(app, spoken, name, now))

    return routes


def _find(app: App, name: str) -> Paper:
    """Return the public paper under a name, in any spelling of an identifier. Raises NotFound."""
    try:
        wanted = paper_id(name[:500])
    except BadRecord:
        raise NotFound("there is no such paper") from None
    with app.db.read() as session:
        found = papers.find(session, PaperId(wanted))
    if found is None:
        raise NotFound("there is no such paper")
    return found


def _page(app: App, pages: Pages, name: str, now: datetime) -> Response:
    """Return the page of a paper, or a redirect to it from another of its names. Raises NotFound."""
    paper = _find(app, name)
    view = PaperView.of(paper).cut(OWN_PAGE)
    if paper.id != name:
        return RedirectResponse(f"{pages.site.root}{view.path}{pages.site.carried}", 301)
    return pages.page("paper_page", paper=view, day=_day(paper, now.date()), withdrawn=paper.withdrawn)


def _day(paper: Paper, today: date) -> date | None:
    """Return the day whose page may list the paper; None for papers that were never news."""
    return None if paper.archived else min(paper.first_seen.date(), today)
