"""Publish the papers of the day as files and feeds, for anybody.

/papers.atom, /papers.json     what is trending now, for feed readers
/papers.md, /papers.bib, .ris  the same as a file

They are ranked by public votes alone and know no subscriber. Each is rendered at most once a minute.
"""

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from digestd.app import App
from digestd.errors import NotFound
from digestd.mail.outlets import ListedPaper, PaperList, by_ending
from digestd.store import papers
from digestd.web.files import as_feed, as_file
from digestd.web.pages import ENGLISH, SHOW

PAPERS_MAX = 20
SPANS = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""The papers of the first span that has ENOUGH, as some days (Sundays, for example) have few."""
ENOUGH = 5
KEPT = timedelta(minutes=1)


def router(app: App) -> APIRouter:
    """Return the routes of this module; none if the operator switched them off."""
    routes = APIRouter()
    public_papers = PublicPapers(app)

    @routes.api_route("/papers.{ending}", methods=SHOW)
    def fetch(request: Request, ending: str) -> Response:
        outlet = by_ending(ending)
        if outlet is None:
            raise NotFound("no such file")
        listed = public_papers.listed(app.clock(), ending)
        if not outlet.is_feed:
            return as_file(outlet, listed, f"papers-{app.clock():%Y-%m-%d}.{ending}")
        return as_feed(request, outlet, listed, f"public, max-age={KEPT // timedelta(seconds=1)}")

    return routes if app.settings.public_papers else APIRouter()


class PublicPapers:
    """The trending papers, read at most once per KEPT."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._read_at: datetime | None = None
        self._items: tuple[ListedPaper, ...] = ()

    def listed(self, now: datetime, ending: str) -> PaperList:
        """Return the papers for the outlet with this ending."""
        if self._read_at is None or not timedelta() <= now - self._read_at < KEPT:
            self._items = self._trending(now)
            self._read_at = now
        urls = self._app.urls
        return PaperList(
            name=f"{urls.home}papers",
            title=self._app.settings.list_name,
            home=f"{urls.home}papers",
            url=f"{urls.home}papers.{ending}",
            language=ENGLISH,
            since=now.replace(hour=0, minute=0, second=0, microsecond=0),
            items=self._items,
        )

    def _trending(self, now: datetime) -> tuple[ListedPaper, ...]:
        with self._app.db.read() as session:
            for span in SPANS:
                found = papers.trending(session, now - span, PAPERS_MAX)
                if len(found) >= ENOUGH:
                    break
        return tuple(ListedPaper.of(paper, paper.first_seen, self._app.templates, ENGLISH) for paper in found)
