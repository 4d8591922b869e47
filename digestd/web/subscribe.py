"""Asking for the digest: a mail to confirm goes out by the worker, and everyone reads the same answer."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from digestd.app import App
from digestd.domain.subscriber import Cause
from digestd.subscribe import ask
from digestd.web import front
from digestd.web.asking import Asking
from digestd.web.evenly import evenly
from digestd.web.form import Typed
from digestd.web.pages import SHOW, Pages
from digestd.web.trace import act as traced
from digestd.web.trace import wording


def router(app: App, pages: Pages, asking: Asking) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()

    @routes.api_route("/subscribe", methods=SHOW)
    async def back() -> Response:
        return RedirectResponse(pages.site.root, 303)

    @routes.post("/subscribe")
    def subscribe(request: Request, typed: Annotated[Typed, Form()]) -> Response:
        now, spoken = app.clock(), pages.to(request)
        asking.limits.check(request, now)
        if problems := typed.problems():
            return front.show(app, spoken, typed, problems)
        if page := asking.again(spoken, "subscribe", typed, now):
            return page
        with evenly():
            if not typed.subject:
                how = traced(app, request, Cause.WEB, wording(spoken, "subscribe"))
                ask(app.db, app.post, typed.asked(spoken.language), now, how)
        return spoken.page("asked")

    return routes
