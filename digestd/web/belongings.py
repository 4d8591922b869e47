"""What is kept of a subscriber: to take along as a file, or to be erased."""

import json
from datetime import datetime

from fastapi import APIRouter
from starlette.responses import Response

from digestd.app import App
from digestd.subscribe.belongings import everything
from digestd.subscribe.leaving import forget
from digestd.web.pages import SHOW, Pages
from digestd.web.settings_sheet import Sheet
from digestd.web.unsubscribe import masked

_AS_FILE = {"Content-Disposition": 'attachment; filename="digestd.json"'}


def router(app: App, pages: Pages) -> APIRouter:
    """The routes of this file."""
    routes, sheet = APIRouter(), Sheet(app, pages)

    @routes.api_route("/p/{token}/data.json", methods=SHOW)
    def data(token: str) -> Response:
        known = sheet.whose(token)
        with app.db.read() as session:
            kept = everything(session, known, app.clock())
        text = json.dumps(kept, ensure_ascii=False, indent=2, default=_written)
        return Response(text, media_type="application/json", headers=_AS_FILE)

    @routes.api_route("/p/{token}/erase", methods=SHOW)
    def ask(token: str) -> Response:
        known = sheet.whose(token)
        return pages.page("erase", language=known.language, here=sheet.here(token), address=masked(known.address))

    @routes.post("/p/{token}/erase")
    def erase(token: str) -> Response:
        known = sheet.whose(token)
        forget(app.db, known.key, app.clock())
        return pages.page("erased", language=known.language)

    return routes


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
