"""Let subscribers download all data stored about them."""

from fastapi import APIRouter
from starlette.responses import Response

from digestd.app import App
from digestd.subscribers.personal_data import collect_data, to_json
from digestd.web.pages import SHOW, Pages
from digestd.web.settings_page import SettingsPage

_AS_FILE = {"Content-Disposition": 'attachment; filename="digestd.json"'}


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes, settings_page = APIRouter(), SettingsPage(app, pages)

    @routes.api_route("/p/{token}/data.json", methods=SHOW)
    def data(token: str) -> Response:
        known = settings_page.subscriber_of(token)
        with app.db.read() as session:
            kept = collect_data(session, known, app.clock())
        return Response(to_json(kept), media_type="application/json", headers=_AS_FILE)

    return routes
