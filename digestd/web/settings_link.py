"""Mail a new link to the settings. The answer is the same for every address."""

from fastapi import APIRouter

from digestd.app import App
from digestd.subscribers.preferences import request_link
from digestd.web.email_forms import EmailForms


def router(app: App, forms: EmailForms) -> APIRouter:
    """Return the routes of this module."""
    return forms.by_address(
        "settings", "settings_link_sent", lambda address, now, by: request_link(app.db, app.notices, address, now, by)
    )
