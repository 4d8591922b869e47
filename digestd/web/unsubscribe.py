"""Leaving: a page with a button, and the one click of a mail reader (RFC 8058).

Any POST to a genuine link leaves, whatever it brings, so that no odd client can fail: a body
with `List-Unsubscribe=One-Click`, in either encoding, is answered in plain text, all else with a page.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import PlainTextResponse, Response

from digestd.app import App
from digestd.domain.subscriber import Cause, Subscriber
from digestd.errors import NotFound
from digestd.links import Purpose, read
from digestd.store import subscribers
from digestd.subscribe import unsubscribe
from digestd.web.pages import SHOW, Pages

_HIDDEN = "•••"


async def _is_one_click(request: Request) -> bool:
    body = await request.body()
    return b"List-Unsubscribe" in body and b"One-Click" in body


def router(app: App, pages: Pages) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()

    def named(token: str) -> Subscriber:
        key, _ = read(app.keys, Purpose.UNSUBSCRIBE, token)
        with app.db.read() as session:
            subscriber = subscribers.by_key(session, key)
        if subscriber is None:
            raise NotFound("no such subscriber")
        return subscriber

    @routes.api_route("/u/{token}", methods=SHOW)
    def show(token: str) -> Response:
        subscriber = named(token)
        return pages.page("unsubscribe", language=subscriber.language, address=masked(subscriber.address))

    @routes.post("/u/{token}")
    def act(token: str, one_click: Annotated[bool, Depends(_is_one_click)]) -> Response:
        subscriber = named(token)
        unsubscribe(app.db, subscriber.key, Cause.ONE_CLICK if one_click else Cause.WEB, app.clock())
        if one_click:
            return PlainTextResponse("unsubscribed\n")
        return pages.page("unsubscribed", language=subscriber.language)

    return routes


def masked(address: str | None) -> str:
    """Enough of an address to know one's own by: `a•••@example.org`; nothing of an erased one."""
    local, _, domain = (address or "").rpartition("@")
    return f"{local[:1]}{_HIDDEN}@{domain}" if address else ""
