"""List, add, change and erase subscribers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from digestd.app import App
from digestd.domain.api import Scope
from digestd.domain.interest import Kind, Stance
from digestd.domain.mail_budget import token_causer
from digestd.domain.paper import PaperId
from digestd.domain.subscriber import Cause, Status, Subscriber, describe_damage
from digestd.errors import NotFound
from digestd.security.links import address_key
from digestd.store import subscribers
from digestd.store.api_tokens import ApiToken
from digestd.subscribers.admin_edits import EditResult, add_via_api, edit
from digestd.subscribers.named_papers import named_paper_states
from digestd.subscribers.personal_data import forget
from digestd.subscribers.status_changes import check_pause_end, pause, resume, unsubscribe
from digestd.subscribers.subscriber_record import SubscriberRecord, parse, subscriber_fields
from digestd.web.api.auth import SignupLimit, needs, run_without_disclosure
from digestd.web.api.shapes import (
    Changes,
    Cursor,
    Interests,
    InterestsOut,
    Limit,
    Number,
    Pause,
    ResultPage,
    SubscriberIn,
    SubscriberOut,
    TopicHintOut,
    UnknownPaperOut,
    page_of,
)
from digestd.web.preview_day import PreviewDay

_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"description": "Answer to every valid request of a token without `read`"}
}
_KNOWN = {"description": "Already a subscriber", "model": SubscriberOut}
_NOBODY = "nobody@example.org"
_Answer = TypeVar("_Answer", SubscriberOut, InterestsOut)
Writer = Annotated[ApiToken, Depends(needs(Scope.WRITE))]
Email = Annotated[str | None, Query(max_length=254, description="Only the subscriber with this address")]


@dataclass(frozen=True, slots=True)
class SubscriberApi:
    """Reads and changes subscribers for the routes."""

    app: App
    preview_day: PreviewDay

    def one(self, number: int) -> Subscriber:
        """Return a subscriber by number. Raises NotFound."""
        with self.app.db.read() as session:
            known = subscribers.by_key(session, number)
        if known is None:
            raise NotFound(f"there is no subscriber number {number}")
        return known

    def by_address(self, email: str, status: Status | None) -> list[Subscriber]:
        """Return the subscriber with this address and status, if any. Raises BadRecord."""
        with self.app.db.read() as session:
            known = subscribers.by_address_key(session, address_key(self.app.keys, email))
        return [known] if known and known.address and status in {None, known.status} else []

    def changed(self, number: int, record: SubscriberRecord) -> SubscriberOut:
        """Change settings and interests, and return the subscriber. Raises NotFound."""
        known = self.one(number)
        if known.address is None:
            raise NotFound(f"subscriber number {number} was erased")
        edit(self.app.db, self.app.keys, replace(record, address=known.address), self.app.clock())
        return shown(self.one(number))

    def added(self, record: SubscriberRecord, token: ApiToken) -> tuple[EditResult, Subscriber]:
        """Add or change a subscriber. Raises NoConsent."""
        change = add_via_api(
            self.app.db, self.app.notices, record, self.app.clock(), Cause.API, token_causer(token.key)
        )
        known = self._known(record)
        if known is None:
            raise NotFound("the subscriber was not added")
        return change, known

    async def with_hints(
        self, answer: _Answer | Response, record: SubscriberRecord, token: ApiToken
    ) -> _Answer | Response:
        """Return an answer with hints about the topics of a record, unless the token or all ask for too many at once.

        An answer that discloses nothing stays as it is.
        """
        if isinstance(answer, Response):
            return answer
        topics = record.lists.get((Kind.TOPIC, Stance.LIKED), ())
        hints = await self.preview_day.hints_if_idle(f"token {token.key}", topics, self.app.clock())
        return answer.model_copy(update={"hints": [TopicHintOut.model_validate(hint) for hint in hints]})

    def interests(self, subscriber: SubscriberOut) -> InterestsOut:
        """Return the interests of a subscriber, with the papers among them that do not count yet."""
        wants = subscriber.interests
        names = [PaperId(name) for name in (*(wants.likes or ()), *(wants.dislikes or ()))]
        with self.app.db.read() as session:
            states = named_paper_states(session, subscriber.number, names)
        unknown = [UnknownPaperOut(paper=one.paper, lookup=one.state) for one in states if not one.title]
        return InterestsOut.model_validate({**wants.model_dump(), "unknown_papers": unknown})

    def acted(self, number: int, act: Callable[[], object]) -> SubscriberOut:
        """Run `act` and return the subscriber. Raises NotFound or NoConsent."""
        act()
        return shown(self.one(number))

    def _known(self, record: SubscriberRecord) -> Subscriber | None:
        with self.app.db.read() as session:
            return subscribers.by_address_key(session, address_key(self.app.keys, record.address))


def router(app: App, signup_limit: SignupLimit, preview_day: PreviewDay) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter(prefix="/subscribers", tags=["subscribers"])
    api = SubscriberApi(app, preview_day)
    _reading(routes, api)
    _writing(routes, api, signup_limit)
    _consent(routes, api)
    _erasing(routes, api)
    return routes


def _reading(routes: APIRouter, api: SubscriberApi) -> None:
    reads = Depends(needs(Scope.READ))

    @routes.get("", dependencies=[reads])
    def list_subscribers(
        limit: Limit = 50, cursor: Cursor = None, status: Status | None = None, email: Email = None
    ) -> ResultPage[SubscriberOut]:
        """List subscribers, oldest first."""
        if email is not None:
            return ResultPage(items=[shown(subscriber) for subscriber in api.by_address(email, status)], next=None)
        with api.app.db.read() as session:
            found = subscribers.listing(session, cursor or 0, limit + 1, status)
        return page_of([shown(subscriber) for subscriber in found], limit, lambda item: item.number)

    @routes.get("/{number}", dependencies=[reads])
    def show_subscriber(number: Number) -> SubscriberOut:
        """Return a subscriber."""
        return shown(api.one(number))

    @routes.get("/{number}/interests", dependencies=[reads])
    def show_interests(number: Number) -> InterestsOut:
        """Return the interests of a subscriber."""
        return api.interests(shown(api.one(number)))


def _writing(routes: APIRouter, api: SubscriberApi, signup_limit: SignupLimit) -> None:
    @routes.post("", status_code=201, response_model=SubscriberOut, responses={200: _KNOWN, **_ACCEPTED})
    async def add_subscriber(new: SubscriberIn, answer: Response, token: Writer) -> SubscriberOut | Response:
        """Add or change a subscriber. Without the scope `vouch`, they get a mail to confirm."""
        status = Status.ACTIVE if Scope.VOUCH in token.scopes else Status.PENDING
        record = parse({**_given(new), "status": status.value})
        if status is Status.PENDING:
            signup_limit.check(token)

        def add() -> SubscriberOut:
            change, known = api.added(record, token)
            answer.status_code = 201 if change is EditResult.ADDED else 200
            return shown(known)

        return await api.with_hints(await run_without_disclosure(token, add), record, token)

    @routes.patch("/{number}", response_model=SubscriberOut, responses=_ACCEPTED)
    async def change_subscriber(number: Number, changes: Changes, token: Writer) -> SubscriberOut | Response:
        """Change settings and interests. Consent does not change."""
        record = _change(changes)
        answer = await run_without_disclosure(token, lambda: api.changed(number, record))
        return await api.with_hints(answer, record, token)

    @routes.patch("/{number}/interests", response_model=InterestsOut, responses=_ACCEPTED)
    async def change_interests(number: Number, changes: Interests, token: Writer) -> InterestsOut | Response:
        """Replace the lists that are sent; others stay unchanged."""
        record = _change(changes)
        answer = await run_without_disclosure(token, lambda: api.interests(api.changed(number, record)))
        return await api.with_hints(answer, record, token)


def _consent(routes: APIRouter, api: SubscriberApi) -> None:
    @routes.post("/{number}/pause", response_model=SubscriberOut, responses=_ACCEPTED)
    async def pause_subscription(number: Number, token: Writer, asked: Pause | None = None) -> SubscriberOut | Response:
        """Pause a subscription, optionally until a time. Safe to repeat. 409 unless subscribed."""
        until, now = asked.until if asked else None, api.app.clock()
        if until is not None:
            check_pause_end(until, now)
        return await run_without_disclosure(
            token, lambda: api.acted(number, lambda: pause(api.app.db, number, Cause.API, now, until))
        )

    @routes.post("/{number}/resume", response_model=SubscriberOut, responses=_ACCEPTED)
    async def resume_subscription(number: Number, token: Writer) -> SubscriberOut | Response:
        """Resume a paused subscription. Safe to repeat. 409 if unsubscribed or never confirmed."""
        now = api.app.clock()
        return await run_without_disclosure(
            token, lambda: api.acted(number, lambda: resume(api.app.db, number, Cause.API, now))
        )

    @routes.post("/{number}/unsubscribe", response_model=SubscriberOut, responses=_ACCEPTED)
    async def end_subscription(number: Number, token: Writer) -> SubscriberOut | Response:
        """End a subscription. Safe to repeat."""
        now = api.app.clock()
        return await run_without_disclosure(
            token, lambda: api.acted(number, lambda: unsubscribe(api.app.db, number, Cause.API, now))
        )


def _erasing(routes: APIRouter, api: SubscriberApi) -> None:
    @routes.delete("/{number}", status_code=204)
    async def erase_subscriber(number: Number, token: Annotated[ApiToken, Depends(needs(Scope.ERASE))]) -> Response:
        """Erase a person. Only a keyed hash of the address stays, to never write to it. Safe to repeat.

        A token without `read` does not learn whether the subscriber exists.
        """

        def erase() -> Response:
            if api.one(number).status is not Status.ERASED:
                forget(api.app.db, number, api.app.clock())
            return Response(status_code=204)

        return await run_without_disclosure(token, erase, 204)


def shown(subscriber: Subscriber) -> SubscriberOut:
    """Return a subscriber as the API represents it."""
    fields = subscriber_fields(subscriber)
    interests = Interests.model_validate({name: fields[name] for name in Interests.model_fields})
    plain = {name: value for name, value in fields.items() if name not in Interests.model_fields}
    damaged = describe_damage(subscriber)
    return SubscriberOut.model_validate({**plain, "number": subscriber.key, "interests": interests, "damaged": damaged})


def _change(body: BaseModel) -> SubscriberRecord:
    """Parse changes before their subscriber is looked up. Raises BadRecord."""
    return parse({"email": _NOBODY, **_given(body)})


def _given(body: BaseModel) -> dict[str, object]:
    return body.model_dump(mode="json", exclude_unset=True)
