"""Asking for the digest: a mail to confirm goes out by the worker, and everyone reads the same answer."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from digestd.app import App
from digestd.domain.subscriber import Act
from digestd.subscribe import ask
from digestd.web import front
from digestd.web.asking import Asking, Sent
from digestd.web.pages import SHOW, Pages
from digestd.web.signup_form import SignUpForm
from digestd.web.trace import network_key, wording


def router(app: App, pages: Pages, asking: Asking) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()

    @routes.api_route("/subscribe", methods=SHOW)
    async def back() -> Response:
        return RedirectResponse(pages.site.root, 303)

    @routes.post("/subscribe")
    async def subscribe(request: Request, form: Annotated[SignUpForm, Form()]) -> Response:
        spoken = pages.to(request)
        checked = form.read(spoken.language)

        def refused() -> Response | None:
            if checked.record is not None:
                return None
            return front.show(app, spoken, form, network_key(app.keys, request), checked.errors)

        def act(now: datetime, by: Act) -> None:
            if checked.record is not None:
                ask(app.db, app.post, checked.record, now, by)

        sent = Sent("subscribe", form, refused, act, "asked", wording(spoken, "subscribe"))
        return await asking.take(request, sent)

    return routes
