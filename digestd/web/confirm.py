"""Confirm a subscription (double opt-in).

The link in the mail shows a button, the button confirms.

The page shows the requested interests, because somebody else may have entered them. The mail does not, because
otherwise strangers could send their own text to others. `/decline` deletes the address of people who did not sign up.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from digestd.app import App
from digestd.domain.interest import Kind, values
from digestd.domain.schedule import first_due
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.security.links import Purpose, read_token
from digestd.store import subscribers
from digestd.subscribers.signup import LinkExpired, confirm, decline, preview_request
from digestd.web.consent_audit import consent_act, consent_text
from digestd.web.pages import SHOW, Pages

_ASKED = frozenset({Status.PENDING, Status.UNSUBSCRIBED, Status.SUPPRESSED})


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter()

    @routes.api_route("/confirm/{token}", methods=SHOW)
    def show(request: Request, token: str) -> Response:
        wanted, language = _requested(app, token), pages.to(request).language
        language = wanted.language if wanted else language
        wording = consent_text(pages, "confirm", language).split("\n")
        found = {kind.value: values(wanted.interests, kind) for kind in Kind} if wanted else {}
        return pages.to(request).page(
            "confirm",
            language=language,
            wording=wording,
            wanted=wanted,
            interests=found,
            is_looked_up=app.registry_reader is not None,
        )

    @routes.post("/confirm/{token}")
    def act(request: Request, token: str) -> Response:
        now = app.clock()
        try:
            known = _known(app, token)
            wording = consent_text(pages, "confirm", known.language if known else "")
            subscriber = confirm(app.db, app.keys, token, now, consent_act(app, request, Cause.CONFIRM, wording))
        except LinkExpired:
            return pages.to(request).page("confirmation_expired", 410)
        return pages.page("confirmed", language=subscriber.language, first=_first(subscriber, now))

    @routes.api_route("/confirm/{token}/decline", methods=SHOW)
    def ask(request: Request, token: str) -> Response:
        known = _known(app, token)
        here = f"{pages.site.root}confirm/{token}/decline"
        return pages.to(request).page("decline", language=known.language if known else "", here=here)

    @routes.post("/confirm/{token}/decline")
    def refuse(request: Request, token: str) -> Response:
        known = _known(app, token)
        erased = decline(app.db, app.keys, token, app.clock())
        return pages.to(request).page("declined", language=known.language if known else "", erased=erased)

    return routes


def _known(app: App, token: str) -> Subscriber | None:
    """Return the subscriber of a confirmation token. Raises BadToken."""
    key, _, _ = read_token(app.keys, Purpose.CONFIRM, token, app.clock())
    with app.db.read() as session:
        return subscribers.by_key(session, key)


def _requested(app: App, token: str) -> Subscriber | None:
    """Return the subscriber with the requested changes.

    None if the request is no longer open.

    An old link must not reveal the current interests of its subscriber.

    Raises:
        BadToken: The token is invalid.
    """
    now = app.clock()
    key, n, _ = read_token(app.keys, Purpose.CONFIRM, token, now)
    with app.db.read() as session:
        known = subscribers.by_key(session, key)
        return preview_request(session, known, n, now) if known and known.status in _ASKED else None


def _first(subscriber: Subscriber, now: datetime) -> datetime | None:
    """Return the local time of the first digest, or None if it is due now."""
    due = first_due(subscriber.timing, now, subscriber.last_date)
    return None if due <= now else due.astimezone(ZoneInfo(subscriber.timing.timezone))
