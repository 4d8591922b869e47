"""Send the confirmation again. Answer and limits are the same for every address."""

from fastapi import APIRouter

from digestd.app import App
from digestd.subscribers.signup import resend_confirmation
from digestd.web.email_forms import EmailForms


def router(app: App, forms: EmailForms) -> APIRouter:
    """Return the routes of this module."""
    return forms.by_address(
        "resend",
        "confirmation_sent",
        lambda address, now, by: resend_confirmation(app.db, app.notices, address, now, by),
    )
