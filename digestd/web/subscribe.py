"""Accept sign-ups.

The worker sends the confirmation, and every address gets the same answer.
"""

from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from digestd.app import App
from digestd.domain.subscriber import ConsentAction
from digestd.subscribers.signup import request_signup
from digestd.web import home
from digestd.web.consent_audit import consent_text, network_key
from digestd.web.email_forms import EmailForms, SubmittedForm
from digestd.web.pages import SHOW, Pages
from digestd.web.signup_form import SentSignUp


def router(app: App, pages: Pages, forms: EmailForms) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter()

    @routes.api_route("/subscribe", methods=SHOW)
    async def back() -> Response:
        return RedirectResponse(pages.site.root, 303)

    @routes.post("/subscribe")
    async def subscribe(request: Request, form: SentSignUp) -> Response:
        spoken = pages.to(request)
        checked = form.read(spoken.language)

        def refused() -> Response | None:
            if checked.record is not None:
                return None
            return home.show(app, spoken, form, network_key(app.keys, request), checked.errors)

        def act(now: datetime, by: ConsentAction) -> None:
            if checked.record is not None:
                request_signup(app.db, app.notices, checked.record, now, by)

        sent = SubmittedForm("subscribe", form, refused, act, "confirmation_sent", consent_text(spoken, "subscribe"))
        return await forms.take(request, sent)

    return routes
