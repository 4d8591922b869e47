"""A fresh link to the preferences, for whoever types an address: everyone reads the same answer."""

from fastapi import APIRouter

from digestd.app import App
from digestd.subscribe.preferences import ask_link
from digestd.web.email_forms import EmailForms


def router(app: App, forms: EmailForms) -> APIRouter:
    """The routes of this file."""
    return forms.by_address(
        "settings", "settings_link_sent", lambda address, now, by: ask_link(app.db, app.post, address, now, by)
    )
