"""The second half of double opt-in: the link from the mail shows a button, the button acts."""

from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from digestd.app import App
from digestd.domain.subscriber import Cause, Subscriber
from digestd.links import Purpose, read
from digestd.schedule import first_due
from digestd.store import subscribers
from digestd.subscribe import TooOld, confirm
from digestd.web.pages import SHOW, Pages
from digestd.web.trace import act as traced
from digestd.web.trace import wording


def router(app: App, pages: Pages) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()

    @routes.api_route("/confirm/{token}", methods=SHOW)
    def show(request: Request, token: str) -> Response:
        key = read(app.keys, Purpose.CONFIRM, token, app.clock()).number
        with app.db.read() as session:
            known = subscribers.by_key(session, key)
        language = known.language if known else pages.to(request).language
        said = wording(pages, "confirm", language).split("\n")
        return pages.to(request).page("confirm", language=language, wording=said)

    @routes.post("/confirm/{token}")
    def act(request: Request, token: str) -> Response:
        now = app.clock()
        try:
            key = read(app.keys, Purpose.CONFIRM, token, now).number
            with app.db.read() as session:
                known = subscribers.by_key(session, key)
            said = wording(pages, "confirm", known.language if known else "")
            subscriber = confirm(app.db, app.keys, token, now, traced(app, request, Cause.CONFIRM, said))
        except TooOld:
            return pages.to(request).page("expired", 410)
        return pages.page("confirmed", language=subscriber.language, first=_first(subscriber, now))

    return routes


def _first(subscriber: Subscriber, now: datetime) -> datetime | None:
    """When the first digest comes, in the subscriber's own time; None for at once."""
    due = first_due(subscriber.timing, now, subscriber.last_date)
    return None if due <= now else due.astimezone(ZoneInfo(subscriber.timing.timezone))
