"""List, add, change and erase subscribers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from digestd.domain.interest import TopicHint
from digestd.domain.mail_budget import token_causer
from digestd.domain.paper import PaperId, paper_id
from digestd.domain.subscriber import Cause, Status, Subscriber, describe_damage
from digestd.errors import NotFound
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.security.tokens import Scope
from digestd.store import feedback, subscribers
from digestd.store.database import Database
from digestd.store.integrations import ApiToken
from digestd.subscribers.admin_edits import EditResult, add_via_api, edit
from digestd.subscribers.feedback import add_feedback, undo_feedback
from digestd.subscribers.named_papers import named_papers
from digestd.subscribers.personal_data import forget
from digestd.subscribers.status_changes import check_pause_end, pause, resume, unsubscribe
from digestd.subscribers.subscriber_record import SubscriberRecord, parse, subscriber_fields
from digestd.web.api.auth import SignupCount, needs, run_without_disclosure
from digestd.web.api.shapes import (
    Changes,
    Cursor,
    FeedbackIn,
    FeedbackOut,
    Interests,
    InterestsOut,
    Limit,
    Number,
    Pause,
    ResultPage,
    SubscriberIn,
    SubscriberOut,
    UnknownPaperOut,
    page_of,
)
from digestd.web.dependencies import Db, Notices, Now, SigningKeys, made
from digestd.web.preview_day import TodaysPapers

ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"description": "Done, without a body: for a token without `read`, or if the result cannot be read"}
}
_KNOWN = {"description": "Already a subscriber", "model": SubscriberOut}
router = APIRouter(prefix="/subscribers", tags=["subscribers"])
_READS = Depends(needs(Scope.READ))
_NOBODY = "nobody@example.org"
_Answer = TypeVar("_Answer", SubscriberOut, InterestsOut)
Writer = Annotated[ApiToken, Depends(needs(Scope.WRITE))]
Email = Annotated[str | None, Query(max_length=254, description="Only the subscriber with this address")]


@dataclass(frozen=True, slots=True)
class SubscriberApi:
    """Reads and changes subscribers for the routes."""

    db: Db
    keys: SigningKeys
    notices: Notices
    now: Now
    preview_day: TodaysPapers

    def one(self, number: int) -> Subscriber:
        """Return a subscriber by number. Raises NotFound."""
        with self.db.read() as session:
            known = subscribers.by_key(session, number)
        if known is None:
            raise NotFound(f"there is no subscriber number {number}")
        return known

    def known(self, number: int) -> Subscriber:
        """Return a subscriber who was not erased. Raises NotFound."""
        known = self.one(number)
        if known.address is None:
            raise NotFound(f"subscriber number {number} was erased")
        return known

    def by_address(self, email: str, status: Status | None) -> list[Subscriber]:
        """Return the subscriber with this address and status, if any. Raises BadRecord."""
        with self.db.read() as session:
            known = subscribers.by_address_key(session, address_key(self.keys, email))
        return [known] if known and known.address and status in {None, known.status} else []

    def changed(self, number: int, record: SubscriberRecord) -> SubscriberOut:
        """Change settings and interests, and return the subscriber. Raises NotFound."""
        address = self.known(number).address or ""
        edit(self.db, self.keys, replace(record, address=address), self.now)
        return shown(self.one(number))

    def added(self, record: SubscriberRecord, token: ApiToken) -> tuple[EditResult, Subscriber]:
        """Add or change a subscriber. Raises NoConsent."""
        change = add_via_api(self.db, self.notices, record, self.now, Cause.API, token_causer(token.key))
        with self.db.read() as session:
            known = subscribers.by_address_key(session, address_key(self.keys, record.address))
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
        hints: Sequence[TopicHint] = await self.preview_day.hints_if_idle(f"token {token.key}", record.topics, self.now)
        return answer.model_copy(update={"hints": [*record.refused, *hints]})

    def interests(self, subscriber: SubscriberOut) -> InterestsOut:
        """Return the interests of a subscriber, with the papers among them that do not count yet."""
        wants = subscriber.interests
        names = [PaperId(name) for name in (*(wants.likes or ()), *(wants.dislikes or ()))]
        with self.db.read() as session:
            states = named_papers(session, subscriber.number, names)
        unknown = [UnknownPaperOut(paper=one.paper, lookup=one.state) for one in states if not one.title]
        return InterestsOut.model_validate({**wants.model_dump(), "unknown_papers": unknown})

    def acted(self, number: int, act: Callable[[], object]) -> SubscriberOut:
        act()
        return shown(self.one(number))

    def feedback(self, number: int) -> list[FeedbackOut]:
        """Return the verdicts of a subscriber, newest first. Raises NotFound."""
        with self.db.read() as session:
            found = feedback.history(session, self.one(number).key)
        return [FeedbackOut.model_validate(one) for one in reversed(found)]

    def judged(self, number: int, act: Callable[[Database, Keys, str], object]) -> FeedbackOut:
        """Record or undo feedback of a subscriber, and return the verdict that it is about. Raises NotFound."""
        act(self.db, self.keys, self.known(number).address or "")
        return max(self.feedback(number), key=lambda one: one.undone or one.at)


Api = Annotated[SubscriberApi, made(SubscriberApi)]


@router.get("", dependencies=[_READS])
def list_subscribers(
    api: Api, limit: Limit = 50, cursor: Cursor = None, status: Status | None = None, email: Email = None
) -> ResultPage[SubscriberOut]:
    """List subscribers, oldest first."""
    if email is not None:
        return ResultPage(items=[shown(subscriber) for subscriber in api.by_address(email, status)], next=None)
    with api.db.read() as session:
        found = subscribers.listing(session, cursor or 0, limit + 1, status)
    return page_of([shown(subscriber) for subscriber in found], limit, lambda item: item.number)


@router.get("/{number}", dependencies=[_READS])
def show_subscriber(number: Number, api: Api) -> SubscriberOut:
    """Return a subscriber."""
    return shown(api.one(number))


@router.get("/{number}/interests", dependencies=[_READS])
def show_interests(number: Number, api: Api) -> InterestsOut:
    """Return the interests of a subscriber."""
    return api.interests(shown(api.one(number)))


@router.post("", status_code=201, response_model=SubscriberOut, responses={200: _KNOWN, **ACCEPTED})
async def add_subscriber(
    new: SubscriberIn, answer: Response, token: Writer, api: Api, limit: SignupCount
) -> SubscriberOut | Response:
    """Add or change a subscriber. Without the scope `vouch`, they get a mail to confirm."""
    status = Status.ACTIVE if Scope.VOUCH in token.scopes else Status.PENDING
    record = parse({**_given(new), "status": status.value})
    if status is Status.PENDING:
        limit.check(token, api.now)

    def add() -> SubscriberOut:
        change, known = api.added(record, token)
        answer.status_code = 201 if change is EditResult.ADDED else 200
        return shown(known)

    return await api.with_hints(await run_without_disclosure(token, add), record, token)


@router.patch("/{number}", response_model=SubscriberOut, responses=ACCEPTED)
async def change_subscriber(number: Number, changes: Changes, token: Writer, api: Api) -> SubscriberOut | Response:
    """Change settings and interests. Consent does not change."""
    record = _change(changes)
    answer = await run_without_disclosure(token, lambda: api.changed(number, record))
    return await api.with_hints(answer, record, token)


@router.patch("/{number}/interests", response_model=InterestsOut, responses=ACCEPTED)
async def change_interests(number: Number, changes: Interests, token: Writer, api: Api) -> InterestsOut | Response:
    """Replace the lists that are sent; others stay unchanged."""
    record = _change(changes)
    answer = await run_without_disclosure(token, lambda: api.interests(api.changed(number, record)))
    return await api.with_hints(answer, record, token)


@router.get("/{number}/feedback", dependencies=[_READS])
def show_feedback(number: Number, api: Api, limit: Limit = 50, cursor: Cursor = None) -> ResultPage[FeedbackOut]:
    """List the verdicts of a subscriber on papers, newest first."""
    found = [one for one in api.feedback(number) if cursor is None or one.number < cursor]
    return page_of(found, limit, lambda item: item.number)


@router.post("/{number}/feedback", status_code=201, response_model=FeedbackOut, responses=ACCEPTED)
async def give_feedback(number: Number, given: FeedbackIn, token: Writer, api: Api) -> FeedbackOut | Response:
    """Record what a subscriber thinks of a paper. It counts from the next digest on."""
    paper, now = paper_id(given.paper, "paper"), api.now
    return await run_without_disclosure(
        token,
        lambda: api.judged(number, lambda db, keys, who: add_feedback(db, keys, who, paper, given.verdict, now)),
    )


@router.delete("/{number}/feedback/{id:path}", response_model=FeedbackOut, responses=ACCEPTED)
async def take_feedback_back(number: Number, id: str, token: Writer, api: Api) -> FeedbackOut | Response:
    """Undo the newest verdict of a subscriber on a paper. The one before it counts again."""
    paper, now = paper_id(id, "paper"), api.now
    return await run_without_disclosure(
        token, lambda: api.judged(number, lambda db, keys, who: undo_feedback(db, keys, who, paper, now))
    )


@router.post("/{number}/pause", response_model=SubscriberOut, responses=ACCEPTED)
async def pause_subscription(
    number: Number, token: Writer, api: Api, asked: Pause | None = None
) -> SubscriberOut | Response:
    """Pause a subscription, optionally until a time. Safe to repeat. 409 unless subscribed."""
    until, now = asked.until if asked else None, api.now
    if until is not None:
        check_pause_end(until, now)
    return await run_without_disclosure(
        token, lambda: api.acted(number, lambda: pause(api.db, number, Cause.API, now, until))
    )


@router.post("/{number}/resume", response_model=SubscriberOut, responses=ACCEPTED)
async def resume_subscription(number: Number, token: Writer, api: Api) -> SubscriberOut | Response:
    """Resume a paused subscription. Safe to repeat. 409 if unsubscribed or never confirmed."""
    now = api.now
    return await run_without_disclosure(
        token, lambda: api.acted(number, lambda: resume(api.db, number, Cause.API, now))
    )


@router.post("/{number}/unsubscribe", response_model=SubscriberOut, responses=ACCEPTED)
async def end_subscription(number: Number, token: Writer, api: Api) -> SubscriberOut | Response:
    """End a subscription. Safe to repeat."""
    now = api.now
    return await run_without_disclosure(
        token, lambda: api.acted(number, lambda: unsubscribe(api.db, number, Cause.API, now))
    )


@router.delete("/{number}", status_code=204)
async def erase_subscriber(
    number: Number, token: Annotated[ApiToken, Depends(needs(Scope.ERASE))], api: Api
) -> Response:
    """Erase a person. Only a keyed hash of the address stays, to never write to it. Safe to repeat.

    A token without `read` does not learn whether the subscriber exists.
    """

    def erase() -> Response:
        if api.one(number).status is not Status.ERASED:
            forget(api.db, number, api.now)
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
