"""Show the trending papers of a day."""

from datetime import UTC, date, datetime, time, timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from digestd.app import App
from digestd.errors import NotFound
from digestd.mail.outlets import OUTLETS
from digestd.mail.paper_view import cut_for_page
from digestd.store import papers
from digestd.web.pages import SHOW, Pages
from digestd.web.response_cache import ResponseCache

PAPERS_MAX = 20
TODAY, PAST = timedelta(minutes=1), timedelta(hours=1)
"""Time that a page stays in the cache. Past days still get votes."""
DAY = timedelta(days=1)


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter()
    current, past = ResponseCache(TODAY), ResponseCache(PAST)

    @routes.api_route("/papers", methods=SHOW)
    def today(request: Request) -> Response:
        now, spoken = app.clock(), pages.to(request)
        name = (spoken.language, spoken.site.carried)
        return current.page(name, now, lambda: _page(app, spoken, now.date(), now))

    @routes.api_route("/papers/{day}", methods=SHOW)
    def of_day(request: Request, day: str) -> Response:
        now, spoken, wanted_day = app.clock(), pages.to(request), _day(day, app.clock().date())
        cache = past if wanted_day < now.date() else current
        name = (wanted_day, spoken.language, spoken.site.carried)
        return cache.page(name, now, lambda: _page(app, spoken, wanted_day, now))

    return routes


def _day(text: str, latest: date) -> date:
    """Parse the day of a path.

    Accept only its canonical spelling, else raise NotFound.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise NotFound("no such day") from None
    if day.isoformat() != text or day > latest:
        raise NotFound("no such day")
    return day


def _page(app: App, pages: Pages, day: date, now: datetime) -> Response:
    """Return the page of a day. Raises NotFound for past days without papers."""
    start = datetime.combine(day, time(), UTC)
    with app.db.read() as session:
        found = papers.trending(session, start, PAPERS_MAX, start + DAY)
        before, after = papers.news_beside(session, start, start + DAY)
    if not found and day != now.date():
        raise NotFound("there are no papers of that day")
    return pages.page(
        "papers",
        day=day,
        is_today=day == now.date(),
        papers=cut_for_page(found),
        before=before and before.date(),
        after=after and after.date(),
        outlets=tuple(OUTLETS.values()) if app.settings.public_papers and day == now.date() else (),
    )
