"""A digest in the browser, as it was mailed."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from digestd.app import App
from digestd.deliver import Composer
from digestd.errors import NotFound
from digestd.links import Purpose, read
from digestd.store.ledger import queries
from digestd.web.headers import INLINE_STYLE
from digestd.web.pages import SHOW


def router(app: App) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()

    @routes.api_route("/d/{token}", methods=SHOW)
    def show(token: str) -> Response:
        delivery = read(app.keys, Purpose.VIEW, token, app.clock()).number
        return HTMLResponse(view_digest(app, delivery), headers={"Content-Security-Policy": INLINE_STYLE})

    return routes


def view_digest(app: App, delivery: int) -> str:
    """The HTML of a digest, composed again from what was frozen. Raises NotFound where there is none.

    Where its coverage cannot be read it is shown without: the papers are what its reader came for. Titles of private
    references are left out, because the address of this page is often passed on.
    """
    with app.db.read() as session:
        claim = queries.as_claim(session, delivery)
    if claim is None or not claim.picks:
        raise NotFound("there is no such digest any more")
    composer = Composer(app.db, app.sender)
    composer.prepare([claim])
    picks = tuple(pick._replace(reason=pick.reason.shareable) for pick in claim.picks)
    return composer.page(claim._replace(coverage=claim.coverage or {}, picks=picks))
