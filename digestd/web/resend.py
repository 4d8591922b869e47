"""The confirmation once more, for who waits for it: the same answer for every address, and the same limits."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from digestd.app import App
from digestd.subscribe import remind
from digestd.web.evenly import evenly
from digestd.web.form import Typed
from digestd.web.limiter import Limits
from digestd.web.pages import SHOW, Pages


def router(app: App, pages: Pages, limits: Limits) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()

    @routes.api_route("/resend", methods=SHOW)
    def show(request: Request) -> Response:
        return pages.to(request).page("resend", email="", is_refused=False)

    @routes.post("/resend")
    def act(request: Request, typed: Annotated[Typed, Form()]) -> Response:
        now, spoken = app.clock(), pages.to(request)
        if not limits.allows(request, now):
            return spoken.problem("often", 429, limits.later)
        if "email" in typed.problems():
            return spoken.page("resend", 422, email=typed.visible.email, is_refused=True)
        with evenly():
            if not typed.subject:
                remind(app.db, app.post, typed.email, now)
        return spoken.page("asked")

    return routes
