"""Hooks: what an operator's own programs are told of subscribers, each event by a signed post to a URL."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from digestd.domain.bounce import BounceKind
from digestd.domain.subscriber import Cause, Status

POSTS_KEPT = timedelta(days=30)
"""So long a post can be looked up, whatever became of it."""


class WebhookEvent(StrEnum):
    """What is told."""

    SUBSCRIBED = "subscriber.subscribed"  # asked for the digest, or was added by the operator
    CONFIRMED = "subscriber.confirmed"
    UNSUBSCRIBED = "subscriber.unsubscribed"
    BOUNCED = "subscriber.bounced"
    COMPLAINED = "subscriber.complained"
    ERASED = "subscriber.erased"


class WebhookPostState(StrEnum):
    """What became of one post."""

    WAITING = "waiting"
    TAKEN = "taken"  # the receiver answered 2xx
    GIVEN_UP = "given_up"  # every try failed, or the receiver is gone for good


@dataclass(frozen=True, slots=True)
class WebhookPost:
    """One event on its way to one URL. `detail`: the cause of a change of consent, or the kind of a bounce."""

    key: int
    url: str
    event: WebhookEvent
    subscriber: int
    address: str | None
    status: Status
    detail: str
    at: datetime
    state: WebhookPostState
    attempts: int
    not_before: datetime
    error: str


def consent_event(version: int, status: Status, cause: Cause) -> WebhookEvent | None:
    """What a change of consent is told as; None for what is not told."""
    if status is Status.ACTIVE and cause is Cause.CONFIRM:
        return WebhookEvent.CONFIRMED
    if status is Status.PENDING or (status is Status.ACTIVE and (version == 1 or cause is Cause.TAKEN_BACK)):
        return WebhookEvent.SUBSCRIBED
    return {Status.UNSUBSCRIBED: WebhookEvent.UNSUBSCRIBED, Status.ERASED: WebhookEvent.ERASED}.get(status)


def bounce_event(kind: BounceKind) -> WebhookEvent | None:
    """What a bounce is told as; None for a mail that is only late."""
    if kind is BounceKind.DELAYED:
        return None
    return WebhookEvent.COMPLAINED if kind is BounceKind.COMPLAINT else WebhookEvent.BOUNCED
