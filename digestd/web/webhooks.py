"""Receive bounces and complaints from mail providers: POST /webhooks/{provider}, for configured providers only.

A signature over the raw body proves the sender. A repeated event is answered like the first, so that the provider
stops retrying.
"""

from collections.abc import Mapping

import structlog
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from digestd.app import App
from digestd.errors import NotFound
from digestd.replies.bounces.providers.provider import Malformed, NotGenuine, Post, Posted, Provider, Unavailable
from digestd.replies.processing import Desk
from digestd.replies.webhook_events import take_events

PATH = "/webhooks/"
PATHS = f"{PATH}*"
BODY_MAX = 1024 * 1024
"""Larger than for forms, because providers send batches."""
_REFUSALS: Mapping[type[Exception], tuple[int, str]] = {
    NotGenuine: (403, "not genuine"),
    Malformed: (400, "malformed"),
    Unavailable: (503, "try again later"),
}
log = structlog.get_logger(__name__)


def router(app: App) -> APIRouter:
    """Return the routes, or none if no provider is configured."""
    routes = APIRouter()
    providers = app.providers
    if not providers:
        return routes
    desk = Desk(app.db, app.keys)

    @routes.post(PATH + "{provider}")
    async def take(provider: str, request: Request) -> Response:
        asked = providers.get(provider)
        if asked is None:
            raise NotFound("no such provider is set up")
        post = Post({name.lower(): value for name, value in request.headers.items()}, await request.body())
        return await run_in_threadpool(_answer, provider, asked, post)

    def _answer(name: str, provider: Provider, post: Post) -> Response:
        now = app.clock()
        try:
            posted = provider.read(post, now)
        except (NotGenuine, Malformed, Unavailable) as error:
            status, said = _REFUSALS[type(error)]
            log.warning("a post was not taken in", provider=name, answer=said, why=str(error))
            return PlainTextResponse(f"{said}\n", status)
        _tell(name, posted)
        if posted.events:
            take_events(desk, name, posted.events, now)
        return PlainTextResponse("ok\n")

    return routes


def _tell(name: str, posted: Posted) -> None:
    if posted.confirm:
        # this token may be logged: it can only confirm what the operator has set up
        log.warning("the provider posts bounces once you open this address", provider=name, address=posted.confirm)
