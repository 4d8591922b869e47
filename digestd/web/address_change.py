"""Change an address.

Both addresses get a link to a page that confirms or cancels the change.
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from digestd.app import App
from digestd.domain.subscriber import Cause
from digestd.subscribers.address_change import cancel_address_change, confirm_address_change, open_link
from digestd.subscribers.signup import LinkExpired
from digestd.web.consent_audit import consent_act, consent_text
from digestd.web.pages import SHOW, Pages
from digestd.web.unsubscribe import masked


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter()

    def over(request: Request) -> Response:
        return pages.to(request).page("change_address_closed", 410)

    @routes.api_route("/move/{token}", methods=SHOW)
    def show(request: Request, token: str) -> Response:
        try:
            side = open_link(app.db, app.keys, token, app.clock())
        except LinkExpired:
            return over(request)
        language = side.subscriber.language
        return pages.page(
            "change_address",
            language=language,
            here=f"{pages.site.root}move/{token}",
            old=masked(side.subscriber.address),
            new=masked(side.change.address),
            wording=consent_text(pages, "change_address", language).split("\n"),
        )

    @routes.post("/move/{token}")
    def act(request: Request, token: str) -> Response:
        try:
            language = open_link(app.db, app.keys, token, app.clock()).subscriber.language
            how = consent_act(app, request, Cause.MOVED, consent_text(pages, "change_address", language))
            side, moved = confirm_address_change(app.db, app.keys, token, how, app.clock())
        except LinkExpired:
            return over(request)
        return pages.page("address_changed", language=language, moved=moved, new=masked(side.change.address))

    @routes.post("/move/{token}/stop")
    def stop(request: Request, token: str) -> Response:
        try:
            language = open_link(app.db, app.keys, token, app.clock()).subscriber.language
            cancel_address_change(app.db, app.keys, token, app.clock())
        except LinkExpired:
            return over(request)
        return pages.page("change_address_cancelled", language=language)

    return routes
