"""The front page: the papers of the day, and the box to subscribe."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from babel.dates import get_day_names
from fastapi import APIRouter, Request
from starlette.responses import Response

from digestd.app import App
from digestd.domain.paper import Paper
from digestd.domain.subscriber import WEEKDAYS
from digestd.render import Entry
from digestd.render.shown import Fit, Link, fitted
from digestd.store import papers
from digestd.web.form import Typed
from digestd.web.pages import SHOW, Pages, locale_of

PAPERS_MAX = 20
ENOUGH = 5
"""Below so many papers of the last day (a Sunday, a thin source) the last days are shown."""
SPANS = (1, 3, 7)
_FIT = Fit(title=300, abstract=3_000, authors=8)
_CLAMPED_FROM = 170
_FRESH = {"Cache-Control": "public, max-age=60", "X-Robots-Tag": "all", "Vary": "Accept-Language"}


@dataclass(frozen=True, slots=True)
class Card:
    """One paper as the page shows it; `is_long`: its abstract is cut until the reader asks for more."""

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


def router(app: App, pages: Pages) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()

    @routes.api_route("/", methods=SHOW)
    def front(request: Request) -> Response:
        answer = show(app, pages.to(request), Typed())
        answer.headers.update(_FRESH)
        return answer

    return routes


def show(app: App, pages: Pages, typed: Typed, problems: Collection[str] = (), status: int = 200) -> Response:
    """The front page with the form as it was typed and what to correct in it."""
    now = app.clock()
    days, trending = _trending(app, now)
    return pages.page(
        "front",
        status,
        form=typed.visible,
        problems=frozenset(problems),
        weekdays=_weekdays(pages.language),
        hours=[(str(hour), f"{hour:02}:00") for hour in range(24)],
        languages=pages.languages,
        today=now.date(),
        days=days,
        papers=[_card(paper) for paper in trending],
        sample_url=app.sample_digest_url,
    )


def _weekdays(language: str) -> list[tuple[str, str]]:
    """Each day of the week and what it is called."""
    called = get_day_names("wide", "stand-alone", locale_of(language))
    return [(name, called[n].capitalize()) for n, name in enumerate(WEEKDAYS)]


def _trending(app: App, now: datetime) -> tuple[int, Sequence[Paper]]:
    """The trending papers, and of how many days they are."""
    with app.db.read() as session:
        for days in SPANS:
            found = papers.trending(session, now - timedelta(days=days), PAPERS_MAX)
            if len(found) >= ENOUGH:
                break
    return days, found


def _card(paper: Paper) -> Card:
    item = fitted(Entry.of(paper), _FIT)
    return Card(
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
    )
