"""Show a digest in the browser."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from digestd.app import App
from digestd.delivery.composer import Composer
from digestd.errors import NotFound
from digestd.security.links import Purpose, read_token
from digestd.store.ledger import queries
from digestd.web.headers import INLINE_STYLE
from digestd.web.pages import SHOW


def router(app: App) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter()

    @routes.api_route("/d/{token}", methods=SHOW)
    def show(token: str) -> Response:
        delivery = read_token(app.keys, Purpose.VIEW, token, app.clock()).number
        return HTMLResponse(view_digest(app, delivery), headers={"Content-Security-Policy": INLINE_STYLE})

    return routes


def view_digest(app: App, delivery: int) -> str:
    """Return the HTML of a digest, composed again from its frozen input.

    Damaged coverage is left out, as readers come for the papers. Titles of private references are left out, because
    people share the address of this page.

    Raises:
        NotFound: The digest does not exist or was removed.
    """
    with app.db.read() as session:
        claim = queries.as_claim(session, delivery)
    if claim is None or not claim.picks:
        raise NotFound("there is no such digest any more")
    composer = Composer(app.db, app.sender)
    composer.prepare([claim])
    picks = tuple(pick._replace(reason=pick.reason.shareable) for pick in claim.picks)
    return composer.render_page(claim._replace(coverage=claim.coverage or {}, picks=picks))
