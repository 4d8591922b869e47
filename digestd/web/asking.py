"""What the forms share by which anybody may ask for a mail: one limit over all of them, and a look at who asks.

A form that may come from a program (see stamp) costs a person one more button and a program its speed: nothing is
sent, and everything typed comes back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from digestd.app import App
from digestd.web import stamp
from digestd.web.evenly import evenly
from digestd.web.form import Typed
from digestd.web.limiter import Limits
from digestd.web.pages import SHOW, Pages
from digestd.web.trace import wording

PER_NETWORK = 10
EVERYONE = 1_000
SPAN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Asking:
    """One for all such forms of an install."""

    app: App
    pages: Pages
    limits: Limits

    @classmethod
    def of(cls, app: App, pages: Pages) -> "Asking":
        """That of an install."""
        return cls(app, pages, Limits(PER_NETWORK, EVERYONE, SPAN))

    def again(self, pages: Pages, name: str, typed: Typed, now: datetime) -> Response | None:
        """The page with one more button for what came by the form of this name; None where it is taken at once."""
        keys = self.app.keys
        if stamp.is_taken(keys, typed.stamp, now):
            return None
        sent = typed.visible.model_dump() | {"stamp": stamp.kept(keys, typed.stamp, now)}
        return pages.page("again", 422, form=name, sent=sent, wording=wording(pages, "subscribe").split("\n"))

    def by_address(self, name: str, answer: str, act: Callable[[str, datetime], None]) -> APIRouter:
        """The routes of a form that asks for an address alone; `answer` is the page that everyone gets."""
        routes = APIRouter()

        @routes.api_route(f"/{name}", methods=SHOW)
        def show(request: Request) -> Response:
            return self._empty(self.pages.to(request), name)

        @routes.post(f"/{name}")
        def ask(request: Request, typed: Annotated[Typed, Form()]) -> Response:
            now, pages = self.app.clock(), self.pages.to(request)
            self.limits.check(request, now)
            if "email" in typed.problems():
                return self._empty(pages, name, typed)
            if page := self.again(pages, name, typed, now):
                return page
            with evenly():
                if not typed.subject:
                    act(typed.email, now)
            return pages.page(answer)

        return routes

    def _empty(self, pages: Pages, name: str, refused: Typed | None = None) -> Response:
        typed, status = (refused, 422) if refused else (Typed(), 200)
        fresh = stamp.kept(self.app.keys, typed.stamp, self.app.clock())
        return pages.page(name, status, email=typed.visible.email, is_refused=refused is not None, stamp=fresh)
