"""Preview today's digest for the subscribe form, ranked like a real digest.

Nothing is stored.

It uses POST although it changes nothing, so that interests do not appear in URLs, logs or the browser history.
"""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from digestd.app import App
from digestd.digests.anonymous_preview import preview_anonymous
from digestd.domain.interest import Interest, Kind, values
from digestd.mail.rendering import render_reason
from digestd.web import home
from digestd.web.consent_audit import network_key
from digestd.web.home import PreviewResult
from digestd.web.limiter import RateLimits
from digestd.web.pages import SHOW, Pages
from digestd.web.paper_cards import short_card
from digestd.web.preview_day import PreviewDay
from digestd.web.signup_form import SignUpForm

SHOWN = 5
PER_NETWORK = 60
EVERYONE = 900
SPAN = timedelta(minutes=1)


def router(app: App, pages: Pages, preview_day: PreviewDay) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter()
    limits = RateLimits(PER_NETWORK, EVERYONE, SPAN)

    @routes.api_route("/preview", methods=SHOW)
    async def back() -> Response:
        return RedirectResponse(pages.site.root, 303)

    @routes.post("/preview")
    def page(request: Request, form: Annotated[SignUpForm, Form()]) -> Response:
        now, spoken = app.clock(), pages.to(request)
        limits.check(request, now)
        visitor = network_key(app.keys, request)
        form = form.with_chosen_topic
        checked = form.read_interests()
        if checked.record is None:
            return home.show(app, spoken, form, visitor, checked.errors)
        wanted = checked.record.as_new.interests
        return home.show(
            app, spoken, form, visitor, seen=_preview(app, spoken, preview_day, (wanted, form.max_papers), now)
        )

    @routes.post("/preview/picks")
    def picks(request: Request, form: Annotated[SignUpForm, Form()]) -> Response:
        """Return the preview and the hints about topics as an HTML fragment for the script."""
        now, spoken = app.clock(), pages.to(request)
        if not limits.allows(request, now):
            return spoken.page("picks", 429, seen=None)
        checked = form.read_interests()
        if checked.record is None:
            return spoken.page("picks", 422, seen=None)
        wanted = checked.record.as_new.interests
        return spoken.page("picks", seen=_preview(app, spoken, preview_day, (wanted, form.max_papers), now))

    return routes


def _preview(
    app: App, pages: Pages, preview_day: PreviewDay, wanted: tuple[tuple[Interest, ...], int], now: datetime
) -> PreviewResult:
    """Return what these interests and this size would bring today."""
    day = preview_day.day(now)
    with app.db.read() as session:
        found = preview_anonymous(session, day, *wanted)
    shown = [
        short_card(paper, render_reason(app.templates, reason, pages.language))
        for paper, reason in found.papers[:SHOWN]
    ]
    hints = preview_day.hints(values(wanted[0], Kind.TOPIC), now)
    return PreviewResult(tuple(shown), len(found.papers), found.considered, found.unknown, hints)
