"""Subscribers and their interests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from digestd.app import App
from digestd.domain.api import Scope
from digestd.domain.mail_budget import api_token
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.errors import NotFound
from digestd.links import address_key
from digestd.store import subscribers
from digestd.store.api_tokens import ApiToken
from digestd.subscribe import Change, Record, edit, parse, pause, resume, take_in, unsubscribe
from digestd.subscribe.leaving import forget
from digestd.subscribe.record import said_of
from digestd.web.api.auth import Gate
from digestd.web.api.shapes import (
    Changes,
    Cursor,
    Interests,
    Limit,
    NewSubscriber,
    Number,
    Page,
    Pause,
    SubscriberOut,
    page_of,
)

Email = Annotated[str | None, Query(max_length=254, description="Only the one with this address")]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes share."""

    app: App

    def one(self, number: int) -> Subscriber:
        """A subscriber by number. Raises NotFound."""
        with self.app.db.read() as session:
            known = subscribers.by_key(session, number)
        if known is None:
            raise NotFound(f"there is no subscriber number {number}")
        return known

    def by_address(self, email: str, status: Status | None) -> list[Subscriber]:
        """The one with this address, if it has this status; nobody once they are erased. Raises BadRecord."""
        with self.app.db.read() as session:
            known = subscribers.by_address_key(session, address_key(self.app.keys, email))
        return [known] if known and known.address and status in {None, known.status} else []

    def changed(self, number: int, said: BaseModel) -> SubscriberOut:
        """A subscriber after a change of settings and interests. Raises NotFound and BadRecord."""
        known = self.one(number)
        if known.address is None:
            raise NotFound(f"subscriber number {number} was erased")
        edit(self.app.db, self.app.keys, parse({"email": known.address, **_given(said)}), self.app.clock())
        return shown(self.one(number))

    def added(self, new: NewSubscriber, status: Status, token: ApiToken) -> tuple[Change, Subscriber]:
        """Somebody added, or changed where they are known. Raises BadRecord and NoConsent."""
        record = parse({**_given(new), "status": status.value})
        change = take_in(self.app.db, self.app.post, record, self.app.clock(), Cause.API, api_token(token.key))
        known = self._known(record)
        if known is None:
            raise NotFound("the subscriber was not kept")
        return change, known

    def _known(self, record: Record) -> Subscriber | None:
        with self.app.db.read() as session:
            return subscribers.by_address_key(session, address_key(self.app.keys, record.address))


def router(app: App, gate: Gate) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter(prefix="/subscribers", tags=["subscribers"])
    _reading(routes, Desk(app), Depends(gate.needs(Scope.READ)))
    _writing(routes, Desk(app), gate.needs(Scope.WRITE))
    _consent(routes, Desk(app), Depends(gate.needs(Scope.WRITE)))
    _erasing(routes, Desk(app), Depends(gate.needs(Scope.ERASE)))
    return routes


def _reading(routes: APIRouter, desk: Desk, reads: Any) -> None:
    @routes.get("", dependencies=[reads])
    def list_subscribers(
        limit: Limit = 50, cursor: Cursor = None, status: Status | None = None, email: Email = None
    ) -> Page[SubscriberOut]:
        """Every subscriber, in the order they came."""
        if email is not None:
            return Page(items=[shown(subscriber) for subscriber in desk.by_address(email, status)], next=None)
        with desk.app.db.read() as session:
            found = subscribers.listing(session, cursor or 0, limit + 1, status)
        return page_of([shown(subscriber) for subscriber in found], limit, lambda item: item.number)

    @routes.get("/{number}", dependencies=[reads])
    def show_subscriber(number: Number) -> SubscriberOut:
        """One subscriber."""
        return shown(desk.one(number))

    @routes.get("/{number}/interests", dependencies=[reads])
    def show_interests(number: Number) -> Interests:
        """What somebody wants more or less of."""
        return shown(desk.one(number)).interests


def _writing(routes: APIRouter, desk: Desk, writes: Callable[..., ApiToken]) -> None:
    @routes.post("", status_code=201, responses={200: {"description": "Known already", "model": SubscriberOut}})
    def add_subscriber(
        new: NewSubscriber, answer: Response, token: Annotated[ApiToken, Depends(writes)]
    ) -> SubscriberOut:
        """Add somebody, or change somebody known. They confirm by mail, unless the token may vouch for them."""
        status = Status.ACTIVE if Scope.VOUCH in token.scopes else Status.PENDING
        change, known = desk.added(new, status, token)
        answer.status_code = 201 if change is Change.ADDED else 200
        return shown(known)

    @routes.patch("/{number}", dependencies=[Depends(writes)])
    def change_subscriber(number: Number, changes: Changes) -> SubscriberOut:
        """Change settings and interests, never consent."""
        return desk.changed(number, changes)

    @routes.patch("/{number}/interests", dependencies=[Depends(writes)])
    def change_interests(number: Number, changes: Interests) -> Interests:
        """Replace the lists that are sent."""
        return desk.changed(number, changes).interests


def _consent(routes: APIRouter, desk: Desk, writes: Any) -> None:
    @routes.post("/{number}/pause", dependencies=[writes])
    def pause_subscription(number: Number, asked: Pause | None = None) -> SubscriberOut:
        """Pause a subscription, for good or until a time; safe to repeat. 409 unless they are subscribed."""
        until = asked.until if asked else None
        pause(desk.app.db, desk.one(number).key, Cause.API, desk.app.clock(), until)
        return shown(desk.one(number))

    @routes.post("/{number}/resume", dependencies=[writes])
    def resume_subscription(number: Number) -> SubscriberOut:
        """Go on after a pause; safe to repeat. 409 for whoever left or never confirmed."""
        resume(desk.app.db, desk.one(number).key, Cause.API, desk.app.clock())
        return shown(desk.one(number))

    @routes.post("/{number}/unsubscribe", dependencies=[writes])
    def end_subscription(number: Number) -> SubscriberOut:
        """End a subscription; safe to repeat."""
        unsubscribe(desk.app.db, desk.one(number).key, Cause.API, desk.app.clock())
        return shown(desk.one(number))


def _erasing(routes: APIRouter, desk: Desk, erases: Any) -> None:
    @routes.delete("/{number}", status_code=204, dependencies=[erases])
    def erase_subscriber(number: Number) -> None:
        """Forget a person: only the keyed hash of their address stays, never to be written to. Safe to repeat."""
        if desk.one(number).status is not Status.ERASED:
            forget(desk.app.db, number, desk.app.clock())


def shown(subscriber: Subscriber) -> SubscriberOut:
    """A subscriber as the API answers."""
    said = said_of(subscriber)
    interests = Interests.model_validate({name: said[name] for name in Interests.model_fields})
    plain = {name: value for name, value in said.items() if name not in Interests.model_fields}
    return SubscriberOut.model_validate({**plain, "number": subscriber.key, "interests": interests})


def _given(said: BaseModel) -> dict[str, object]:
    return said.model_dump(mode="json", exclude_unset=True)
