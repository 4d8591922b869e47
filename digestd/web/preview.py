"""Preview today's digest for the subscribe form, ranked like a real digest. Nothing is stored.

It uses POST although it changes nothing, so that interests do not appear in URLs, logs or the browser history.
"""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from digestd.app import App
from digestd.plan import foresee
from digestd.render import render_reason
from digestd.web import home
from digestd.web.consent_audit import network_key
from digestd.web.form import Typed
from digestd.web.home import PreviewResult
from digestd.web.limiter import Limits
from digestd.web.pages import SHOW, Pages
from digestd.web.paper_cards import short_card
from digestd.web.preview_day import PreviewDay

SHOWN = 5
PER_NETWORK = 60
EVERYONE = 900
SPAN = timedelta(minutes=1)


def router(app: App, pages: Pages, preview_day: PreviewDay) -> APIRouter:
    """Return the routes of this module."""
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
            return home.show(app, spoken, typed, visitor, problems)
        return home.show(app, spoken, typed, visitor, seen=_preview(app, spoken, preview_day, typed, now))

    @routes.post("/preview/picks")
    def picks(request: Request, typed: Annotated[Typed, Form()]) -> Response:
        """Return the preview as an HTML fragment for the script."""
        now, spoken = app.clock(), pages.to(request)
        if not limits.allows(request, now):
            return spoken.page("preview", 429, seen=None)
        if typed.unfit_interests():
            return spoken.page("preview", 422, seen=None)
        return spoken.page("preview", seen=_preview(app, spoken, preview_day, typed, now))

    return routes


def _preview(app: App, pages: Pages, preview_day: PreviewDay, typed: Typed, now: datetime) -> PreviewResult:
    day = preview_day.day(now)
    with app.db.read() as session:
        found = foresee(session, day, typed.interests(), typed.most)
    shown = [
        short_card(paper, render_reason(app.templates, reason, pages.language))
        for paper, reason in found.papers[:SHOWN]
    ]
    return PreviewResult(tuple(shown), len(found.papers), found.considered, found.unknown)
