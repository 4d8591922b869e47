"""What today's digest would hold for whoever fills in the form: ranked as planning ranks, nothing is kept.

A POST although it changes nothing, so that no address, log or history tells what somebody is interested in.
"""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from digestd.app import App
from digestd.plan import preview_anonymous
from digestd.render import render_reason
from digestd.web import front
from digestd.web.cards import brief
from digestd.web.form import Typed
from digestd.web.front import Seen
from digestd.web.limiter import Limits
from digestd.web.pages import SHOW, Pages
from digestd.web.today import Today
from digestd.web.trace import network_key

SHOWN = 5
PER_NETWORK = 60
EVERYONE = 900
SPAN = timedelta(minutes=1)


def router(app: App, pages: Pages, today: Today) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()
    limits = Limits(PER_NETWORK, EVERYONE, SPAN)

    @routes.api_route("/preview", methods=SHOW)
    async def back() -> Response:
        return RedirectResponse(pages.site.root, 303)

    @routes.post("/preview")
    def page(request: Request, typed: Annotated[Typed, Form()]) -> Response:
        now, spoken = app.clock(), pages.to(request)
        limits.check(request, now)
        visitor = network_key(app.keys, request)
        if problems := typed.unfit_interests():
            return front.show(app, spoken, typed, visitor, problems)
        return front.show(app, spoken, typed, visitor, seen=_seen(app, spoken, today, typed, now))

    @routes.post("/preview/picks")
    def picks(request: Request, typed: Annotated[Typed, Form()]) -> Response:
        """The part of the page that a script puts in place."""
        now, spoken = app.clock(), pages.to(request)
        if not limits.allows(request, now):
            return spoken.page("picks", 429, seen=None)
        if typed.unfit_interests():
            return spoken.page("picks", 422, seen=None)
        return spoken.page("picks", seen=_seen(app, spoken, today, typed, now))

    return routes


def _seen(app: App, pages: Pages, today: Today, typed: Typed, now: datetime) -> Seen:
    day = today.day(now)
    with app.db.read() as session:
        found = preview_anonymous(session, day, typed.interests(), typed.most)
    shown = [
        brief(paper, render_reason(app.templates, reason, pages.language)) for paper, reason in found.papers[:SHOWN]
    ]
    return Seen(tuple(shown), len(found.papers), found.considered, found.unknown)
