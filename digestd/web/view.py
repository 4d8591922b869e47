"""A digest in the browser, as it was mailed."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from digestd.app import App, view_digest
from digestd.links import Purpose, read
from digestd.web.headers import INLINE_STYLE
from digestd.web.pages import SHOW


def router(app: App) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()

    @routes.api_route("/d/{token}", methods=SHOW)
    def show(token: str) -> Response:
        delivery, _ = read(app.keys, Purpose.VIEW, token)
        return HTMLResponse(view_digest(app, delivery), headers={"Content-Security-Policy": INLINE_STYLE})

    return routes
