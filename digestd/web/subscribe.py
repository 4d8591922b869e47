"""Asking for the digest: a mail to confirm goes out by the worker, and everyone reads the same answer."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from digestd.app import App
from digestd.domain.subscriber import Cause
from digestd.subscribe import ask
from digestd.web import front
from digestd.web.evenly import evenly
from digestd.web.form import Typed
from digestd.web.limiter import Limits
from digestd.web.pages import SHOW, Pages
from digestd.web.trace import act as traced
from digestd.web.trace import wording

PER_NETWORK = 10
EVERYONE = 1_000
SPAN = timedelta(minutes=10)


def invitations() -> Limits:
    """How often anybody may ask for a mail, over all pages by which that can be done."""
    return Limits(PER_NETWORK, EVERYONE, SPAN)


def router(app: App, pages: Pages, limits: Limits) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()

    @routes.api_route("/subscribe", methods=SHOW)
    async def back() -> Response:
        return RedirectResponse(pages.site.root, 303)

    @routes.post("/subscribe")
    def subscribe(request: Request, typed: Annotated[Typed, Form()]) -> Response:
        now, spoken = app.clock(), pages.to(request)
        if not limits.allows(request, now):
            return spoken.problem("often", 429, limits.later)
        if problems := typed.problems():
            return front.show(app, spoken, typed, problems)
        with evenly():
            if not typed.subject:
                how = traced(app, request, Cause.WEB, wording(spoken, "subscribe"))
                ask(app.db, app.post, typed.asked(spoken.language), now, how)
        return spoken.page("asked")

    return routes
