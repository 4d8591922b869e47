"""Show papers to anybody, as pages, files and feeds.

    /papers, /papers/{day}         the trending papers of a day
    /papers/search                 what fits words best in the whole archive, if DIGESTD_ARCHIVE_SEARCH is on
    /papers.atom, /papers.json     what is trending now, for feed readers
    /papers.md, /papers.bib, .ris  the same as a file
    /paper/{id}                    one paper: the page to share

Lists are ranked by public votes alone and know no subscriber. Only papers that a source reported have a page, never a
subscriber's reference. Its address carries no power over any account and says nothing about who shared it.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from digestd.app import App
from digestd.domain.coverage import COMPLETE
from digestd.domain.paper import Paper, PaperId, paper_id
from digestd.errors import BadRecord, NotFound
from digestd.mail.outlets import OUTLETS, ListedPaper, PaperList, by_ending
from digestd.mail.paper_view import OWN_PAGE, PaperView, cut_for_page
from digestd.store import papers
from digestd.store.database import Database
from digestd.store.papers import sources
from digestd.web.dependencies import Db, Network, Now, OpenEncoder, VisitorPages, part
from digestd.web.guards import Window
from digestd.web.pages import ENGLISH, SHOW, Pages, ResponseCache, as_feed, as_file
from digestd.web.preview_day import TodaysPapers

if TYPE_CHECKING:
    from digestd.ranking.dense import Encoder

PAPERS_MAX = 20
TODAY, PAST = timedelta(minutes=1), timedelta(hours=1)
"""Time that a page stays in the cache. Past days still get votes."""
DAY = timedelta(days=1)
SPANS = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""Files and feeds have the papers of the first span that has ENOUGH, as some days (Sundays, for example) have few."""
ENOUGH = 5
FEED_KEPT = timedelta(minutes=1)
PAPER_KEPT = timedelta(minutes=10)
SEARCHES, SEARCH_SPAN = 30, timedelta(minutes=5)
"""Searches of one network. Those of all share the thread and the places of previews."""
router = APIRouter()
_Today = Annotated[ResponseCache, Depends(part(lambda _app: ResponseCache(TODAY)))]
_Past = Annotated[ResponseCache, Depends(part(lambda _app: ResponseCache(PAST)))]
_Paper = Annotated[ResponseCache, Depends(part(lambda _app: ResponseCache(PAPER_KEPT)))]

_Searches = Annotated[Window, Depends(part(lambda _app: Window(SEARCHES, SEARCH_SPAN)))]


@router.api_route("/papers", methods=SHOW)
async def today(pages: VisitorPages, db: Db, now: Now, cache: _Today) -> Response:
    name = (pages.language, pages.site.carried)
    return await cache.page(name, now, lambda: _day_page(db, pages, now.date(), now))


@router.api_route("/papers/search", methods=SHOW)
async def search(
    pages: VisitorPages,
    db: Db,
    now: Now,
    network: Network,
    preview_day: TodaysPapers,
    open_encoder: OpenEncoder,
    often: _Searches,
    q: str = "",
) -> Response:
    if not pages.site.has_search:
        raise NotFound("the archive cannot be searched here")
    if not q.strip():
        return RedirectResponse(f"{pages.site.root}papers{pages.site.carried}", 303)
    often.check(network, now)
    return await preview_day.run(network, lambda: _found_page(db, pages, open_encoder, q))


@router.api_route("/papers/{day}", methods=SHOW)
async def of_day(day: str, pages: VisitorPages, db: Db, now: Now, current: _Today, past: _Past) -> Response:
    wanted_day = _day(day, now.date())
    cache = past if wanted_day < now.date() else current
    name = (wanted_day, pages.language, pages.site.carried)
    return await cache.page(name, now, lambda: _day_page(db, pages, wanted_day, now))


class PublicPapers:
    """The trending papers, read at most once per FEED_KEPT."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._read_at: datetime | None = None
        self._items: tuple[ListedPaper, ...] = ()

    def listed(self, now: datetime, ending: str) -> PaperList:
        """Return the papers for the outlet with this ending."""
        if self._read_at is None or not timedelta() <= now - self._read_at < FEED_KEPT:
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


@router.api_route("/papers.{ending}", methods=SHOW)
def fetch(
    request: Request, ending: str, now: Now, public_papers: Annotated[PublicPapers, Depends(part(PublicPapers))]
) -> Response:
    outlet = by_ending(ending)
    if outlet is None:
        raise NotFound("no such file")
    listed = public_papers.listed(now, ending)
    if not outlet.is_feed:
        return as_file(outlet, listed, f"papers-{now:%Y-%m-%d}.{ending}")
    return as_feed(request, outlet, listed, f"public, max-age={FEED_KEPT // timedelta(seconds=1)}")


@router.api_route("/paper/{name:path}", methods=SHOW)
async def paper_page(name: str, pages: VisitorPages, db: Db, now: Now, cache: _Paper) -> Response:
    return await cache.page((name, pages.language, pages.site.carried), now, lambda: _paper_page(db, pages, name, now))


def _day(text: str, latest: date) -> date:
    """Parse the day of a path. Accept only its canonical spelling, else raise NotFound."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise NotFound("no such day") from None
    if day.isoformat() != text or day > latest:
        raise NotFound("no such day")
    return day


def _day_page(db: Database, pages: Pages, day: date, now: datetime) -> Response:
    """Return the page of a day. Raises NotFound for days before the first paper."""
    start = datetime.combine(day, time(), UTC)
    with db.read() as session:
        found = papers.trending(session, start, PAPERS_MAX, start + DAY)
        before, after = papers.news_beside(session, start, start + DAY)
        states = {row.state for row in sources.coverage_on(session, day)}
    if not found and not before and day != now.date():
        raise NotFound("there were no papers yet")
    return pages.page(
        "papers",
        day=day,
        is_today=day == now.date(),
        papers=cut_for_page(found),
        is_complete=states <= COMPLETE if states else None,
        before=before and before.date(),
        after=after and after.date(),
        outlets=tuple(OUTLETS.values()) if day == now.date() else (),
    )


def _found_page(db: Database, pages: Pages, open_encoder: "Callable[[], Encoder]", query: str) -> Response:
    from digestd.papers.search import QUERY_MAX, search_archive  # noqa: PLC0415  # few processes search

    query = query.replace("\0", "")[:QUERY_MAX]
    with db.read() as session:
        found = search_archive(session, open_encoder(), query, PAPERS_MAX)
    return pages.page("search", query=query, papers=cut_for_page(found))


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


def _paper_page(db: Database, pages: Pages, name: str, now: datetime) -> Response:
    """Return the page of a paper, or a redirect to it from another of its names. Raises NotFound."""
    paper = _find(db, name)
    view = PaperView.of(paper).cut(OWN_PAGE)
    if paper.id != name:
        return RedirectResponse(f"{pages.site.root}{view.path}{pages.site.carried}", 301)
    listed = None if paper.archived else min(paper.first_seen.date(), now.date())  # archived papers were never news
    return pages.page("paper_page", paper=view, day=listed, withdrawn=paper.withdrawn)
