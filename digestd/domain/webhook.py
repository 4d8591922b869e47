"""Hooks: what an operator's own programs are told of subscribers, each event by a signed post to a URL."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from digestd.domain.bounce import BounceKind
from digestd.domain.subscriber import Cause, Status

POSTS_KEPT = timedelta(days=30)
"""So long a post can be looked up, whatever became of it."""


class Happening(StrEnum):
    """What is told."""

    SUBSCRIBED = "subscriber.subscribed"  # asked for the digest, or was added by the operator
    CONFIRMED = "subscriber.confirmed"
    UNSUBSCRIBED = "subscriber.unsubscribed"
    BOUNCED = "subscriber.bounced"
    COMPLAINED = "subscriber.complained"
    ERASED = "subscriber.erased"


class PostState(StrEnum):
    """What became of one post."""

    WAITING = "waiting"
    TAKEN = "taken"  # the receiver answered 2xx
    GIVEN_UP = "given_up"  # every try failed, or the receiver is gone for good


@dataclass(frozen=True, slots=True)
class HookPost:
    """One event on its way to one URL. `detail`: the cause of a change of consent, or the kind of a bounce."""

    key: int
    url: str
    happening: Happening
    subscriber: int
    address: str | None
    status: Status
    detail: str
    at: datetime
    state: PostState
    attempts: int
    not_before: datetime
    error: str


def happening(version: int, status: Status, cause: Cause) -> Happening | None:
    """What a change of consent is told as; None for what is not told."""
    if status is Status.ACTIVE and cause is Cause.CONFIRM:
        return Happening.CONFIRMED
    if status is Status.PENDING or (status is Status.ACTIVE and (version == 1 or cause is Cause.TAKEN_BACK)):
        return Happening.SUBSCRIBED
    return {Status.UNSUBSCRIBED: Happening.UNSUBSCRIBED, Status.ERASED: Happening.ERASED}.get(status)


def bounced(kind: BounceKind) -> Happening | None:
    """What a bounce is told as; None for a mail that is only late."""
    if kind is BounceKind.DELAYED:
        return None
    return Happening.COMPLAINED if kind is BounceKind.COMPLAINT else Happening.BOUNCED
