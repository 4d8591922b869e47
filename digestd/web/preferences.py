"""Show and save the settings of a subscriber, by the link in their mails.

GET shows, POST acts and shows the page again. There is no password and no cookie. Consent and data have modules of
their own: pause, leave, data_export, requests.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from digestd.app import App
from digestd.domain.interest import Interest, Kind, Stance, values
from digestd.errors import BadRecord
from digestd.security.links import OutdatedToken
from digestd.subscribers.admin_edits import edit
from digestd.subscribers.preferences import PreferencesLinkExpired
from digestd.subscribers.profile_summary import mute_interest, remove_interest
from digestd.web.limiter import network_of
from digestd.web.pages import SHOW, Pages
from digestd.web.preferences_form import PreferencesForm, SentPreferences
from digestd.web.preview_day import PreviewDay
from digestd.web.settings_page import SettingsPage

BODY_MAX = 64 * 1024
"""Larger than for other forms, because lists of authors and topics are long."""
PATHS = "/p/*"


def router(app: App, pages: Pages, preview_day: PreviewDay) -> APIRouter:
    """Return the routes of this module."""
    routes, settings_page = APIRouter(), SettingsPage(app, pages)

    @routes.api_route("/p/{token}", methods=SHOW)
    def show(token: str) -> Response:
        return settings_page.shown(token)

    def saved(token: str, form: PreferencesForm, now: datetime) -> list[str] | Response:
        """Save a form and return its topics, new ones first; the page again if the form has errors."""
        known, form = settings_page.subscriber_of(token), form.with_chosen_topic
        checked = form.read(known)
        if checked.record is None:
            return settings_page.corrected(token, checked.errors, form)
        edit(app.db, app.keys, checked.record, now)
        before = set(values(known.interests, Kind.TOPIC))
        return sorted(values(checked.record.as_new.interests, Kind.TOPIC), key=before.__contains__)

    @routes.post("/p/{token}")
    async def save(token: str, request: Request, form: SentPreferences) -> Response:
        now = app.clock()
        topics = await run_in_threadpool(saved, token, form, now)
        if isinstance(topics, Response):
            return topics
        hints = await preview_day.hints_if_idle(network_of(request), topics, now)
        notable = [hint for hint in hints if hint.is_notable]
        return await run_in_threadpool(settings_page.shown, token, "saved", notable)

    @routes.post("/p/{token}/mute")
    def mute(token: str, kind: Annotated[str, Form()], value: Annotated[str, Form(max_length=300)]) -> Response:
        mute_interest(app.db, settings_page.subscriber_of(token).key, _interest(kind, value), app.clock())
        return settings_page.shown(token, "muted")

    @routes.post("/p/{token}/drop")
    def remove(token: str, kind: Annotated[str, Form()], value: Annotated[str, Form(max_length=400)]) -> Response:
        remove_interest(app.db, settings_page.subscriber_of(token).key, _interest(kind, value), app.clock())
        return settings_page.shown(token, "dropped")

    return routes


def invalid_link(pages: Pages, request: Request, _problem: PreferencesLinkExpired | OutdatedToken) -> Response:
    """Return the page for outdated links, which offers a new one."""
    return pages.to(request).page("link_expired", 410)


def _interest(kind: str, value: str) -> Interest:
    """Return the interest to change. Raises BadRecord for an unknown kind."""
    if kind not in set(Kind) or not value.strip():
        raise BadRecord("kind", "there is no such kind of interest; use the buttons of the page")
    return Interest(Kind(kind), value, Stance.MUTED)
