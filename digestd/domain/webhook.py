"""Webhooks: subscriber events for the operator's programs.

Each is posted to a URL with a signature.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from digestd.domain.bounce import BounceKind
from digestd.domain.subscriber import Cause, Status

POSTS_KEPT = timedelta(days=30)
"""The time for which a post can be looked up, whatever its result."""


class WebhookEvent(StrEnum):
    """The type of an event."""

    SUBSCRIBED = "subscriber.subscribed"  # asked for the digest, or was added by the operator
    CONFIRMED = "subscriber.confirmed"
    UNSUBSCRIBED = "subscriber.unsubscribed"
    BOUNCED = "subscriber.bounced"
    COMPLAINED = "subscriber.complained"
    ERASED = "subscriber.erased"


class WebhookPostState(StrEnum):
    """The state of one post."""

    WAITING = "waiting"
    TAKEN = "taken"  # the receiver answered 2xx
    GIVEN_UP = "given_up"  # every try failed, or the receiver is gone for good


@dataclass(frozen=True, slots=True)
class WebhookPost:
    """One event for one URL.

    `detail` is the cause of a change of consent, or the kind of a bounce.
    """

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
    """Return the event of a change of consent, or None if it is not posted."""
    if status is Status.ACTIVE and cause is Cause.CONFIRM:
        return WebhookEvent.CONFIRMED
    if status is Status.PENDING or (status is Status.ACTIVE and (version == 1 or cause is Cause.TAKEN_BACK)):
        return WebhookEvent.SUBSCRIBED
    return {Status.UNSUBSCRIBED: WebhookEvent.UNSUBSCRIBED, Status.ERASED: WebhookEvent.ERASED}.get(status)


def bounce_event(kind: BounceKind) -> WebhookEvent | None:
    """Return the event of a bounce, or None if the mail is only delayed."""
    if kind is BounceKind.DELAYED:
        return None
    return WebhookEvent.COMPLAINED if kind is BounceKind.COMPLAINT else WebhookEvent.BOUNCED
