"""A fresh link to the preferences, for whoever types an address: everyone reads the same answer."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from digestd.app import App
from digestd.errors import BadRecord
from digestd.links import canonical_address
from digestd.subscribe.preferences import ask_link
from digestd.web.evenly import evenly
from digestd.web.limiter import Limits
from digestd.web.pages import SHOW, Pages


def router(app: App, pages: Pages, limits: Limits) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()

    @routes.api_route("/settings", methods=SHOW)
    def show(request: Request) -> Response:
        return pages.to(request).page("settings", email="", problem=False)

    @routes.post("/settings")
    def ask(request: Request, email: Annotated[str, Form()] = "", subject: Annotated[str, Form()] = "") -> Response:
        now, spoken = app.clock(), pages.to(request)
        if not limits.allows(request, now):
            return spoken.problem("often", 429, limits.later)
        try:
            address = canonical_address(email)
        except BadRecord:
            return spoken.page("settings", 422, email=email[:254], problem=True)
        with evenly():
            if not subject:
                ask_link(app.db, app.post, address, now)
        return spoken.page("linked")

    return routes
