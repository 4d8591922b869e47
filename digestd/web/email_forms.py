"""Handle the public forms that make digestd send an email.

Subscribe, resend and settings link.

A form that may come from a program or another site (see form_timestamp and origin) is not acted on: it is shown again
with one more button. Limits on mails are in domain/mail_budget. The limits here apply to each network separately, and
count posts instead of mails, because a count of mails would reveal whether an address is known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from digestd.app import App
from digestd.domain.mail_budget import PER_NETWORK
from digestd.domain.subscriber import Cause, ConsentAction
from digestd.web import form_timestamp
from digestd.web.consent_audit import consent_act, consent_text, network_key
from digestd.web.constant_time_response import answer_in_constant_time
from digestd.web.limiter import TooOften, Window, network_of
from digestd.web.origin import is_foreign
from digestd.web.pages import SHOW, Pages
from digestd.web.signup_form import SentSignUp, SignUpForm

POSTS_PER_NETWORK, POSTS_SPAN = 60, timedelta(minutes=10)
"""Forms with any content, even empty ones: limits what reading them costs."""
ACCEPTED_PER_NETWORK = PER_NETWORK[0].most
"""Accepted forms per hour, each of which may cause a mail. The daily limit equals that of mails, too."""


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """A form that was sent.

    Attributes:
        name: Path of the form.
        form: Fields as the browser sent them.
        refused: Returns the page that shows the errors, or None without errors.
        act: Does what the form asks for.
        answer: Name of the page that every sender gets.
        wording: Text beside the button, kept as proof of consent.
    """

    name: str
    form: SignUpForm
    refused: Callable[[], Response | None]
    act: Callable[[datetime, ConsentAction], None]
    answer: str
    wording: str = ""


@dataclass(frozen=True, slots=True)
class EmailForms:
    """The public forms of one installation, with their limits."""

    app: App
    pages: Pages
    posts: Window
    accepted: tuple[Window, ...]

    @classmethod
    def of(cls, app: App, pages: Pages) -> "EmailForms":
        """Return the forms of an installation."""
        taken = tuple(Window(limit.most, limit.span) for limit in PER_NETWORK)
        return cls(app, pages, Window(POSTS_PER_NETWORK, POSTS_SPAN), taken)

    async def take(self, request: Request, sent: SubmittedForm) -> Response:
        """Act on a form, or show its errors or ask for one more click.

        Raises:
            TooOften: The network sent too many forms.
        """
        now = self.app.clock()
        if page := await run_in_threadpool(self._reject, request, sent, now):
            return page
        return await answer_in_constant_time(partial(self._act, request, sent, now))

    def _reject(self, request: Request, sent: SubmittedForm, now: datetime) -> Response | None:
        """Return the page for a form that is not accepted.

        Count an accepted form and return None.
        """
        _check(self.posts, request, now)
        if page := sent.refused():
            return page
        keys, public_url = self.app.keys, self.app.settings.public_url
        visitor = network_key(keys, request)
        if is_foreign(request, public_url) or not form_timestamp.is_timely(keys, visitor, sent.form["stamp"], now):
            return self._resubmit_page(self.pages.to(request), sent, visitor, now)
        for window in self.accepted:
            _check(window, request, now)
        return None

    def _resubmit_page(self, pages: Pages, sent: SubmittedForm, visitor: bytes, now: datetime) -> Response:
        """Return the page with a second button.

        A script on another site cannot press it.
        """
        fresh = form_timestamp.refreshed_timestamp(self.app.keys, visitor, sent.form["stamp"], now)
        carried = sent.form.visible | {"stamp": fresh}
        return pages.page(
            "resubmit", 422, form=sent.name, sent=carried, wording=consent_text(pages, "subscribe").split("\n")
        )

    def _act(self, request: Request, sent: SubmittedForm, now: datetime) -> Response:
        if not sent.form["subject"]:
            sent.act(now, consent_act(self.app, request, Cause.WEB, sent.wording))
        return self.pages.to(request).page(sent.answer)

    def by_address(self, name: str, answer: str, act: Callable[[str, datetime, ConsentAction], None]) -> APIRouter:
        """Return the routes of a form with only an address field.

        Args:
            name: Path of the form and name of its page.
            answer: Name of the page that every sender gets.
            act: Called with address, time and consent act.
        """
        routes = APIRouter()

        @routes.api_route(f"/{name}", methods=SHOW)
        def show(request: Request) -> Response:
            return self._empty(request, name)

        @routes.post(f"/{name}")
        async def ask(request: Request, form: SentSignUp) -> Response:
            def refused() -> Response | None:
                return self._empty(request, name, form) if "email" in form.read().errors else None

            return await self.take(
                request, SubmittedForm(name, form, refused, lambda now, by: act(form["email"], now, by), answer)
            )

        return routes

    def _empty(self, request: Request, name: str, refused: SignUpForm | None = None) -> Response:
        form, status = (refused, 422) if refused else (SignUpForm(), 200)
        fresh = form_timestamp.refreshed_timestamp(
            self.app.keys, network_key(self.app.keys, request), form["stamp"], self.app.clock()
        )
        is_refused = refused is not None
        shown: dict[str, Any] = {"email": form.visible["email"], "is_refused": is_refused, "stamp": fresh}
        return self.pages.to(request).page(name, status, **shown)


def _check(window: Window, request: Request, now: datetime) -> None:
    """Count a request of a network. Raises TooOften beyond the limit."""
    if not window.allows(network_of(request), now):
        raise TooOften(window.later)
