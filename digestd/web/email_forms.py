"""Handle the forms by which anybody may ask for a mail: who may send them, how often, and how they are answered.

A form that may come from a program or from another site (see stamp and origin) costs a person one more button and a
program its speed: nothing is sent, and everything typed comes back. How many mails may be caused is in
domain/mail_budget. The limits here are each network's own, so that no network can use up those of others; they count
posts, not mails, else they would tell whether an address is known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from digestd.app import App
from digestd.domain.mail_budget import PER_NETWORK
from digestd.domain.subscriber import Act, Cause
from digestd.web import form_timestamp
from digestd.web.consent_audit import consent_act, consent_text, network_key
from digestd.web.constant_time_response import answer_in_constant_time
from digestd.web.form import Typed
from digestd.web.limiter import TooOften, Window, network_of
from digestd.web.origin import is_foreign
from digestd.web.pages import SHOW, Pages

POSTS_PER_NETWORK, POSTS_SPAN = 60, timedelta(minutes=10)
"""Forms of any content, be they blank: only what it costs to read them."""
ACCEPTED_PER_NETWORK = PER_NETWORK[0].most
"""Forms that were taken within an hour, each of which may cause a mail; as many within a day as mails, too."""


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """A form that was sent.

    Attributes:
        name: its path.
        refused: makes the page that shows what to correct; None if there is nothing.
        act: does what is asked for.
        answer: the page that everyone gets.
        wording: the words beside its button.
    """

    name: str
    typed: Typed
    refused: Callable[[], Response | None]
    act: Callable[[datetime, Act], None]
    answer: str
    wording: str = ""


@dataclass(frozen=True, slots=True)
class EmailForms:
    """One for all such forms of an install."""

    app: App
    pages: Pages
    posts: Window
    taken: tuple[Window, ...]

    @classmethod
    def of(cls, app: App, pages: Pages) -> "EmailForms":
        """That of an install."""
        taken = tuple(Window(limit.most, limit.span) for limit in PER_NETWORK)
        return cls(app, pages, Window(POSTS_PER_NETWORK, POSTS_SPAN), taken)

    async def take(self, request: Request, sent: SubmittedForm) -> Response:
        """Answer a form: do what it asks for, or show what to correct or that one more click is needed.

        Raises TooOften for a network that sent too many.
        """
        now = self.app.clock()
        if page := await run_in_threadpool(self._judge, request, sent, now):
            return page
        return await answer_in_constant_time(partial(self._done, request, sent, now))

    def _judge(self, request: Request, sent: SubmittedForm, now: datetime) -> Response | None:
        """Return the page for a form that is not taken; None for one that is, which then counts."""
        _check(self.posts, request, now)
        if page := sent.refused():
            return page
        keys, public_url = self.app.keys, self.app.settings.public_url
        visitor = network_key(keys, request)
        if is_foreign(request, public_url) or not form_timestamp.is_timely(keys, visitor, sent.typed.stamp, now):
            return self._again(self.pages.to(request), sent, visitor, now)
        for window in self.accepted:
            _check(window, request, now)
        return None

    def _again(self, pages: Pages, sent: SubmittedForm, visitor: bytes, now: datetime) -> Response:
        """Return the page with one more button, which a script of another site cannot press."""
        fresh = form_timestamp.still_good(self.app.keys, visitor, sent.typed.stamp, now)
        carried = sent.typed.visible.model_dump() | {"stamp": fresh}
        return pages.page(
            "resubmit", 422, form=sent.name, sent=carried, wording=consent_text(pages, "subscribe").split("\n")
        )

    def _done(self, request: Request, sent: SubmittedForm, now: datetime) -> Response:
        if not sent.typed.subject:
            sent.act(now, consent_act(self.app, request, Cause.WEB, sent.wording))
        return self.pages.to(request).page(sent.answer)

    def by_address(self, name: str, answer: str, act: Callable[[str, datetime, Act], None]) -> APIRouter:
        """The routes of a form that asks for an address alone; `answer` is the page that everyone gets."""
        routes = APIRouter()

        @routes.api_route(f"/{name}", methods=SHOW)
        def show(request: Request) -> Response:
            return self._empty(request, name)

        @routes.post(f"/{name}")
        async def ask(request: Request, typed: Annotated[Typed, Form()]) -> Response:
            def refused() -> Response | None:
                return self._empty(request, name, typed) if "email" in typed.problems() else None

            return await self.take(
                request, SubmittedForm(name, typed, refused, lambda now, by: act(typed.email, now, by), answer)
            )

        return routes

    def _empty(self, request: Request, name: str, refused: Typed | None = None) -> Response:
        typed, status = (refused, 422) if refused else (Typed(), 200)
        fresh = form_timestamp.still_good(
            self.app.keys, network_key(self.app.keys, request), typed.stamp, self.app.clock()
        )
        is_refused = refused is not None
        return self.pages.to(request).page(name, status, email=typed.visible.email, is_refused=is_refused, stamp=fresh)


def _check(window: Window, request: Request, now: datetime) -> None:
    """Count a request of a network. Raises TooOften."""
    if not window.allows(network_of(request), now):
        raise TooOften(window.later)
