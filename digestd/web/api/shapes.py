"""Define request and response bodies of the API."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from digestd.domain.delivery import MailKind, State, shown_period
from digestd.domain.digest import ReasonKind, Section
from digestd.domain.gist import GistKind
from digestd.domain.interest import TopicHint, Verdict
from digestd.domain.reference import LookupState
from digestd.domain.subscriber import Preferences, SignUpPreferences, Status
from digestd.subscribers.subscriber_record import PAPER_MAX, RETIRED_KEYS
from digestd.text.inputs import NUMBER_MAX

PAGE_MAX = 200
Item = TypeVar("Item")
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="Maximum number of items on a page")]
Number = Annotated[int, Path(ge=1, le=NUMBER_MAX)]
Whose = Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="Only items of this subscriber")]
Period = Annotated[str | None, Query(max_length=10, description="Only of this period: 2026-11-24 or 2026-W48")]
Since = Annotated[AwareDatetime | None, Query(description="Only papers first seen since then, with UTC offset")]
Cursor = Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="Value of `next` on the previous page")]
Words = Annotated[list[str], Field(max_length=1_000)]


class ResultPage(BaseModel, Generic[Item]):
    """One page of a list. `next` is the cursor of the following page, null on the last."""

    items: list[Item]
    next: int | None


def page_of(found: Sequence[Item], limit: int, key: Callable[[Item], int]) -> ResultPage[Item]:
    """Return a page from up to `limit + 1` items that were found."""
    items = list(found[:limit])
    return ResultPage(items=items, next=key(items[-1]) if len(found) > limit else None)


class WordLists(BaseModel):
    """Interests that a subscriber follows, by kind."""

    topics: Words = []
    phrases: Words = []
    authors: Words = []
    categories: Words = []
    institutions: Words = []
    venues: Words = []


class Mutes(WordLists):
    """Interests that a subscriber has muted, by kind."""

    model_config = ConfigDict(extra="forbid")


class InterestChanges(BaseModel):
    """Interests that a group may have, too. Lists that are not sent stay unchanged."""

    model_config = ConfigDict(extra="forbid")
    topics: Words | None = None
    phrases: Words | None = None
    authors: Words | None = None
    categories: Words | None = None
    institutions: Words | None = None
    venues: Words | None = None
    mute: Mutes | None = None


class Interests(InterestChanges):
    """Interests of a subscriber. Lists that are not sent stay unchanged."""

    likes: Words | None = None
    dislikes: Words | None = None


def _without_defaults(schema: dict[str, Any]) -> None:
    """Drop the defaults from a schema: a client that sends them would change what is to stay."""
    for definition in schema["properties"].values():
        definition.pop("default", None)


class Changes(Interests, Preferences):
    """Settings and interests. Fields that are not sent, or null, stay unchanged."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        return {name: value for name, value in body.items() if value is not None and name not in RETIRED_KEYS}


class Pause(BaseModel):
    """A pause. Without `until` it lasts until the subscription is resumed."""

    model_config = ConfigDict(extra="forbid")
    until: AwareDatetime | None = None


class SubscriberIn(Changes):
    """A subscriber to add. Unless the token has the scope `vouch`, they get a mail to confirm."""

    email: str


class SignUp(SignUpPreferences):
    """A sign-up from a form. The person gets a mail to confirm."""

    model_config = ConfigDict(extra="forbid")
    email: str
    topics: Words = Field([])
    authors: Words = Field([])
    categories: Words = Field([])
    likes: Words = Field([])


class FeedbackIn(BaseModel):
    """A verdict of a subscriber on a paper."""

    model_config = ConfigDict(extra="forbid")
    paper: Annotated[str, Field(max_length=PAPER_MAX, description="An arXiv id, a DOI, or SCHEME:VALUE")]
    verdict: Verdict


class FeedbackOut(BaseModel):
    """One verdict. `undone` is when the subscriber took it back, else null."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)
    number: Annotated[int, Field(validation_alias="key")]
    paper: str
    verdict: Verdict
    at: datetime
    undone: datetime | None


class UnknownPaperOut(BaseModel):
    """A paper among the interests that does not count yet.

    `lookup` is `open` while it waits to be looked up, `failed` if a registry did not answer and is asked again,
    `unknown` if no registry knows it, and null if it is not looked up and counts once a source reports it.
    """

    paper: str
    lookup: LookupState | None


class InterestsOut(Interests):
    """Interests of a subscriber, the papers that do not count yet, and hints about topics that were sent."""

    unknown_papers: list[UnknownPaperOut] = []
    hints: list[TopicHint] = []


class SubscriberOut(Preferences):
    """A subscriber. `email` is null once erased. `hints` are about topics that were sent.

    `damaged` says what of them cannot be read; such fields have their default here.
    """

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)
    number: int
    email: str | None
    status: Status
    interests: Interests
    damaged: str = ""
    hints: list[TopicHint] = Field([])


class PaperOut(BaseModel):
    """A paper.

    `gist` says what is new and what came out, and is empty for archived papers. `gist_from` tells who wrote it: a
    machine of the source (`source`), the authors (`extracted`: sentences of the abstract) or the language model of
    this installation (`generated`).
    """

    number: int
    id: str
    title: str
    abstract: str
    gist: str
    gist_from: GistKind | None
    authors: list[str]
    categories: list[str]
    published: datetime
    first_seen: datetime
    url: str | None
    links: dict[str, str]
    signals: dict[str, float]


class SavedIn(BaseModel):
    """Tags and note of a saved paper. What is not sent, or null, stays unchanged."""

    model_config = ConfigDict(extra="forbid")
    tags: Annotated[list[str], Field(max_length=50)] | None = None
    note: str | None = None


class SavedOut(BaseModel):
    """A paper of a subscriber. `saved` is null if it was sent but not saved; tags and note are private to them."""

    paper: PaperOut
    saved: datetime | None
    tags: list[str]
    note: str


class PickOut(BaseModel):
    """A paper of a digest, with the reason why it was chosen."""

    paper: int
    score: float
    section: Section
    why: ReasonKind
    value: str


class DeliveryOut(BaseModel):
    """A delivery: one row of the ledger. Only digests have a `period`."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)
    number: Annotated[int, Field(validation_alias="key")]
    subscriber: int
    kind: Annotated[str, Field(json_schema_extra={"enum": list(MailKind)})]
    period: str
    state: Annotated[str, Field(json_schema_extra={"enum": list(State)})]
    attempts: int
    due: datetime

    @field_validator("period")
    @classmethod
    def _only_of_digests(cls, period: str, info: ValidationInfo) -> str:
        return shown_period(info.data["kind"], period)


class DigestOut(DeliveryOut):
    """A digest with its picks, which are empty once they were pruned."""

    covers_from: str
    picks: list[PickOut]
