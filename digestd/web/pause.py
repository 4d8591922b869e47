"""Pause and resume a subscription from the settings page."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from digestd.app import App
from digestd.domain.subscriber import Cause
from digestd.errors import BadInput
from digestd.subscribers.status_changes import NoConsent, pause, pause_end, resume
from digestd.web.consent_audit import consent_act
from digestd.web.pages import Pages
from digestd.web.settings_page import SettingsPage


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes, settings_page = APIRouter(), SettingsPage(app, pages)

    @routes.post("/p/{token}/pause")
    def pause_subscription(request: Request, token: str, until: Annotated[str, Form()] = "") -> Response:
        known = settings_page.subscriber_of(token)
        try:
            end = pause_end(known, date.fromisoformat(until)) if until else None
            pause(app.db, known.key, consent_act(app, request, Cause.WEB), app.clock(), end)
        except NoConsent:
            return settings_page.shown(token)
        except (ValueError, BadInput):
            return settings_page.corrected(token, ["until"])
        return settings_page.shown(token, "paused")

    @routes.post("/p/{token}/resume")
    def resume_subscription(request: Request, token: str) -> Response:
        try:
            resume(app.db, settings_page.subscriber_of(token).key, consent_act(app, request, Cause.WEB), app.clock())
        except NoConsent:
            return settings_page.shown(token)
        return settings_page.shown(token, "resumed")

    return routes
