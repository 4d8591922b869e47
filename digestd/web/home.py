"""The front page: the form to subscribe, what it would bring today, and the papers of the day."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from digestd.app import App
from digestd.domain.paper import Paper
from digestd.store import papers
from digestd.web import form_timestamp
from digestd.web.consent_audit import network_key
from digestd.web.form import Choices, Typed
from digestd.web.pages import SHOW, Pages
from digestd.web.paper_cards import PaperCard, paper_cards
from digestd.web.response_cache import ResponseCache

PAPERS_MAX = 20
ENOUGH = 5
"""Below so many papers of the last day (a Sunday, a thin source) the last days are shown."""
SPANS = (1, 3, 7)
KEPT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PreviewResult:
    """What a digest would hold today: the first of its `count` papers, chosen from `considered` new ones.

    `unknown`: named papers that are not known yet.
    """

    papers: tuple[PaperCard, ...]
    count: int
    considered: int
    unknown: tuple[str, ...] = ()


def router(app: App, pages: Pages) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()
    cache = ResponseCache(KEPT, shared=False)

    @routes.api_route("/", methods=SHOW)
    def front(request: Request) -> Response:
        spoken, now = pages.to(request), app.clock()
        name = (spoken.language, spoken.site.carried)
        visitor = network_key(app.keys, request)
        finish = partial(form_timestamp.with_new_timestamp, keys=app.keys, network=visitor, now=now)
        return cache.page(name, now, lambda: show(app, spoken, Typed(), visitor), finish)

    return routes


def show(
    app: App,
    pages: Pages,
    typed: Typed,
    visitor: bytes,
    problems: Collection[str] = (),
    seen: PreviewResult | None = None,
) -> Response:
    """The front page with the form as it was typed, what to correct in it, and what it would bring.

    `visitor`: their network, as trace.network_key.
    """
    now = app.clock()
    days, trending = _trending(app, now)
    return pages.page(
        "home",
        422 if problems else 200,
        form=typed.visible,
        stamp=form_timestamp.still_good(app.keys, visitor, typed.stamp, now),
        odd_paper=typed.odd_paper,
        problems=frozenset(problems),
        choices=Choices.of(pages, typed.visible),
        seen=seen,
        today=now.date(),
        days=days,
        papers=paper_cards(trending),
        sample_url=app.sample_digest_url,
    )


def _trending(app: App, now: datetime) -> tuple[int, Sequence[Paper]]:
    """The trending papers, and of how many days they are."""
    with app.db.read() as session:
        for days in SPANS:
            found = papers.trending(session, now - timedelta(days=days), PAPERS_MAX)
            if len(found) >= ENOUGH:
                break
    return days, found
