"""Show, set, test and remove the chat room that gets a subscriber's digests.

All but showing it needs a token with `read`, `write` and `vouch`: it takes digests away from a mailbox without asking
its owner, and shows them to others. The URL holds secrets, so no answer contains it.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from digestd.app import App
from digestd.delivery.chat import CHAT_FORMS, URL_MAX
from digestd.domain.api import Scope
from digestd.domain.subscriber import Status, Subscriber
from digestd.errors import NotFound
from digestd.mail.rendering import render_chat_test
from digestd.store import subscribers
from digestd.subscribers.chat import chat_url, post_test, remove_chat, rooms, set_chat
from digestd.web.api.auth import needs
from digestd.web.api.shapes import Number
from digestd.web.limiter import Window

PER_ROOM, SPAN = 3, timedelta(minutes=10)
"""Test messages."""
_READS = Depends(needs(Scope.READ))
_TAKES = [_READS, Depends(needs(Scope.WRITE)), Depends(needs(Scope.VOUCH))]
_EXAMPLES = ", ".join(form.example for form in CHAT_FORMS.values())


class ChatIn(BaseModel):
    """A chat room."""

    model_config = ConfigDict(extra="forbid")
    url: Annotated[str, Field(max_length=URL_MAX, description=f"One of: {_EXAMPLES}")]


class ChatOut(BaseModel):
    """Where the digests of a subscriber go, without secrets.

    `room`: null if they come by mail; `requested`: a room that the subscriber has yet to confirm.
    """

    room: str | None
    requested: str | None


class ChatTestOut(BaseModel):
    """The result of a test message. `problem`: what the chat answered, or null."""

    problem: str | None


def router(app: App) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter(prefix="/subscribers/{number}/chat", tags=["subscribers"])
    allows_private, per_room = app.settings.subscriber_chats == "any", Window(PER_ROOM, SPAN)

    @routes.get("", dependencies=[_READS])
    def show_chat(number: Number) -> ChatOut:
        """Return where the digests of a subscriber go."""
        return _shown(app, number)

    @routes.put("", dependencies=_TAKES)
    def use_chat(number: Number, new: ChatIn) -> ChatOut:
        """Send the digests of a subscriber to a chat room. Needs `read`, `write` and `vouch`.

        The host must be on the public internet, unless the setting DIGESTD_SUBSCRIBER_CHATS is `any`.
        """
        _known(app, number)
        set_chat(app.db, app.keys, number, new.url, app.clock(), public_only=not allows_private)
        return _shown(app, number)

    @routes.post("/test", dependencies=_TAKES)
    async def test_chat(number: Number) -> ChatTestOut:
        """Post a test message to the chat room of a subscriber. Needs `read`, `write` and `vouch`."""
        language = (await run_in_threadpool(_known, app, number)).language
        stored = await run_in_threadpool(chat_url, app.db, app.keys, number)
        if not per_room.allows(str(number), app.clock()):
            raise HTTPException(429, "this chat room has had several test messages; try again later", per_room.later)
        text = render_chat_test(app.templates, app.settings.list_name, language)
        problem = await post_test(stored, text, allows_private=allows_private)
        return ChatTestOut(problem=problem or None)

    @routes.delete("", status_code=204, dependencies=_TAKES)
    def remove_room(number: Number) -> Response:
        """Send the digests of a subscriber by mail again. Needs `read`, `write` and `vouch`. Safe to repeat."""
        _known(app, number)
        remove_chat(app.db, number)
        return Response(status_code=204)

    return routes


def _known(app: App, number: int) -> Subscriber:
    """Return a subscriber by number. Raises NotFound."""
    with app.db.read() as session:
        found = subscribers.by_key(session, number)
    if found is None or found.status is Status.ERASED:
        raise NotFound(f"there is no subscriber number {number}")
    return found


def _shown(app: App, number: int) -> ChatOut:
    _known(app, number)
    with app.db.read() as session:
        found = rooms(session, number, app.clock())
    return ChatOut(room=found.label, requested=found.requested)
