"""The confirmation once more, for who waits for it: the same answer for every address, and the same limits."""

from fastapi import APIRouter

from digestd.app import App
from digestd.subscribe import remind
from digestd.web.email_forms import EmailForms


def router(app: App, forms: EmailForms) -> APIRouter:
    """The routes of this file."""
    return forms.by_address(
        "resend", "confirmation_sent", lambda address, now, by: remind(app.db, app.post, address, now, by)
    )
